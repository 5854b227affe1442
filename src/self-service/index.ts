export { Entries } from './activity/entries';
export { describeIssue, parseJson, refuseTooMany, showKey } from './keys/api';
export { checkMayHaveKeys } from './keys/own';
export { accountApi, accountPages } from './routes';
export { apiError, isForeignChange, isRead, limitError, readLimit, toTime } from './shared/api';
export { ConfirmPage, Done } from './shared/confirm';
export { showGrant } from './shared/grants';
export { accountFields, personOfPages, readAccountForm } from './shared/pages';
export type { PersonEnv } from './shared/person';
