/** The face of `account/`: the per-principal object, and the words that grants are told in. */
export type { Access, Grant } from './access';
export { accountFields, readAccountForm } from './account-form';
export { accountApi } from './api';
export { type ApiUser } from './api-shared';
export { connectedAccount } from './connected-account';
export { isOfAnotherClient } from './connections/configured';
export type { Obtained } from './connections/connections';
export {
  type ApiKeyCredential,
  type ClientSetting,
  type Connection,
  type Connector,
  type ConnectorOptions,
  type Credential,
  type CredentialAnswer,
  type CredentialRefusal,
  headerValue,
  type IssuedCredential,
  isSendable,
  type OAuthCredential,
  type ProviderClient,
  type RefreshRefusal,
  type TokenProvider,
  type Wanted,
} from './connections/credential';
export { CONNECTIONS_INDEX } from './connections/key-versions';
export type { DirectApproval } from './grants/direct';
export type { Approval, Presentation, Terms } from './grants/grants';
export type {
  CheckedRequest,
  IssuedApproval,
  Issuer,
  IssuingClient,
  IssuingTerms,
  TokenAnswer,
} from './grants/issuer';
export { type AccountSection, accountHome } from './home';
export {
  highestRole,
  type Identity,
  roleAt,
  roleOf,
  SERVICE,
  type User,
  VISITOR,
} from './identity';
export type { AccessKey, KeyLimits, KeySpec } from './keys/access-keys';
export { KEY_INDEX, type MadeKey } from './keys/account-keys';
export { describeIssue, keysApi, parseJson, refuseTooMany, showKey, whyNoKeys } from './keys/api';
export { describeKeyRefusal, judgeKeyRequest, keyRequest } from './keys/request';
export { keysPages } from './keys/routes';
export { type KeyParts, looksLikeKey, parseKey } from './keys/text';
export { withinTools } from './keys/tools';
export { accountObject } from './object';
export { containsKey, containsOwnCredential } from './own-credentials';
export type { ProviderAnswer, ProviderAsker, ProviderQuestion, ProviderToken } from './provider/provider';
export { holds, isForSome, mayKnow, usableServers } from './reach';
export {
  DEFAULT_SCOPES,
  includedScopes,
  OFFLINE_ACCESS,
  SCOPES,
  type Scope,
  scopesWithin,
} from './scopes';
export { CLIENT_PROVIDER, claimsInRules, ruleFor } from './services';

export { watchGrant } from './watch';
