/** The face of `admin/`: what admins, and the operator of a deployment, do about everybody. */
export { adminKeysApi } from './keys';
