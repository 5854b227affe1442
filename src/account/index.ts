/** The public API of `account/`: the `Account` object of one principal, and the types that it is called with. */
export type { Access, Grant } from './access/access';
export type { AccessRefusal } from './access/access-checks';
export { accountOf, findAccount, parseToken } from './access/find-account';
export { containsKey, containsOwnCredential } from './access/own-credentials';
export { AccountObject } from './account';
export { isOfAnotherClient } from './connections/configured';
export type { Obtained } from './connections/connections';
export {
  type ApiKeyCredential,
  type ClientSetting,
  type Connection,
  type Connector,
  type ConnectorOptions,
  type CredentialAnswer,
  type CredentialRequest,
  headerValue,
  isSendable,
  type OAuthCredential,
  type ProviderClient,
  type ProviderSettings,
  type RefreshRefusal,
  type TokenProvider,
  type UpstreamCredential,
} from './connections/credential';
export type { DirectApproval } from './grants/direct';
export type { IssuerConfig } from './grants/grants';
export type {
  CheckedRequest,
  IssuedApproval,
  Issuer,
  IssuerRecords,
  IssuingClient,
  IssuingConfig,
} from './grants/issuer';
export type {
  CodeRefusalReason,
  ExchangeRefusalReason,
  IssuedTokens,
  IssuerRefusal,
  RefreshRefusalReason,
  TokenResult,
} from './grants/token-result';
export {
  type AccessKey,
  AT_ONCE_SECONDS,
  type KeyLimitRefusal,
  type KeyLimits,
  type KeyRefusal,
  MOST_AT_ONCE,
  MOST_KEYS,
} from './keys/access-keys';
export { DEFAULT_KEY_LIFE, describeKeyRefusal, judgeKeyRequest, keyRequest } from './keys/request';
export {
  isKeyId,
  type KeyParts,
  type KeyTextRefusal,
  looksLikeKey,
  parseKey,
  proposeKeyId,
} from './keys/text';
export { withinTools } from './keys/tools';
export type { AccountOverview } from './parts/account-admin';
export { KEY_INDEX } from './parts/account-keys';
export {
  highestRole,
  type Identity,
  isAuditor,
  roleAt,
  roleOf,
  SERVICE,
  type User,
  VISITOR,
} from './principal/identity';
export { type IndexedPerson, PEOPLE_INDEX } from './principal/people-index';
export {
  DEFAULT_SCOPES,
  includedScopes,
  OFFLINE_ACCESS,
  SCOPES,
  type Scope,
  scopesWithin,
} from './principal/scopes';
export { CLIENT_PROVIDER, claimsInRules, ruleFor } from './principal/service-accounts';
export { holds, isForSome, mayKnow, usableServers } from './principal/usable-servers';
export type { ClaimsReport, ProviderAnswer, ProviderQuestion, ProviderToken } from './provider/provider';
export type { SignInRow } from './sign-ins/sign-ins';
export { CONNECTIONS_INDEX } from './storage/key-versions';
export { endStreams, type NamedStream, watchGrant } from './watch/watch';
