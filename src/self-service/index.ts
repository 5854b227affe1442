export { describeIssue, parseJson, refuseTooMany, showKey } from './keys/api';
export { checkMayHaveKeys } from './keys/own';
export { accountApi, accountPages } from './routes';
export { apiError, isForeignChange, isRead, limitError, readLimit, toTime } from './shared/api';
