export { readSecret, secretName } from './checks';
export {
  type Deployment,
  deploymentAt,
  deploymentOf,
  objectKeyring,
  objectSettings,
  type RequestContext,
  type RequestOrigin,
  readDeployment,
} from './deployment';
export type { OidcProvider } from './identity-providers';
export { isSettingName, ROLES, type Role, type RoleRule, type SignInMethod } from './primitives';
export type { Problem, Settings, Tokens } from './schemas';
export type { ClaimRule, ServerSetting } from './servers';
export { describeSettings, titleOf } from './settings';
export type { TrustedIssuer, TrustRule } from './trusted-issuers';
