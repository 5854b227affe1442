export { accountApi } from './api';
export { connectionsApi } from './connections/api';
export { connectionPages } from './connections/routes';
export { accountHome } from './home';
export { describeIssue, keysApi, parseKeyRequest, refuseTooMany, showKey, whyNoKeys } from './keys/api';
export { keysPages } from './keys/routes';
