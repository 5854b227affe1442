/** The face of `admin/`: what admins, and the operator of a deployment, do about everybody. */
export { adminCallbacksApi } from './callbacks';
export { adminKeysApi } from './keys';
