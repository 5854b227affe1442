import {
  ROLES,
  type Role,
  type RoleRule,
  type ServerSetting,
  type Settings,
  type SignInMethod,
} from '../../config';
import { matchesEmailGlob } from '../../glob';
import { type RuleClaims, serviceRole } from './service-accounts';

/**
 * Who a sign-in provider says a person is. `(issuer, subject)` is the person; an address never joins two
 * of them. `provider` is the provider's name in the settings, `local`, or one of the two that nobody vouches
 * for: `visitor` (somebody who skipped sign-in) and `service` (a program, made by an admin).
 */
export interface Identity {
  provider: string;
  issuer: string;
  subject: string;
  name: string;
  email: string | undefined;
  email_verified: boolean;
  groups: string[];
  /** A service's own role, which an admin gave it. Nobody else has one: theirs comes from the settings. */
  role?: Role | undefined;
  /**
   * Of a principal that no person signed in as: the claims that the rules ask for which let it in
   * (`TRUSTED_ISSUERS`; none for a client that acts for itself). Those rules alone give it a role.
   */
  claims?: RuleClaims;
}

/** The issuers of principals that no sign-in provider knows. */
export const VISITOR = 'visitor';
export const SERVICE = 'service';

/** A user as pages, tools and servers see one. */
export interface User {
  id: string;
  name: string;
  email: string | undefined;
  email_verified: boolean;
}

/**
 * What the settings let this person do at most: the highest role of the rules of `ROLES` that name them,
 * else `DEFAULT_ROLE`; undefined: no access. Unverified addresses match no rule. A visitor reads and no more,
 * unless a rule names `skip`, and is nobody where that way in is closed; a service has its own role, which a rule that names `key` can lower.
 */
export function roleOf(identity: Identity, settings: Settings): Role | undefined {
  const { provider, subject, claims } = identity;
  if (isShutOut(identity, settings)) return undefined;
  if (claims) return serviceRole({ provider, subject, claims }, settings);
  const named = highest(
    settings.roles.filter((rule) => namesPerson(rule, identity)).map((rule) => rule.role),
  );
  if (identity.provider === SERVICE) return lower(identity.role, named);
  if (identity.provider === VISITOR) return named ?? 'viewer';
  return named ?? settings.defaultRole ?? (identity.provider === 'local' ? 'owner' : undefined);
}

/**
 * Whether the settings make this person an auditor, whatever else they are: somebody who reads all that admins see.
 * A rule of one server makes nobody one.
 */
export function isAuditor(identity: Identity, settings: Settings): boolean {
  if (isShutOut(identity, settings)) return false;
  const named = settings.roles.some((rule) => rule.role === 'auditor' && namesPerson(rule, identity));
  return named || roleOf(identity, settings) === 'auditor';
}

/** What this person may do at most at one server: by its own `roles`, else by the global ones. */
export function roleAt(identity: Identity, server: ServerSetting, settings: Settings): Role | undefined {
  if (isShutOut(identity, settings)) return undefined;
  const own = highest(server.roles.filter((rule) => namesPerson(rule, identity)).map((rule) => rule.role));
  return identity.provider === SERVICE
    ? lower(roleOf(identity, settings), own)
    : (own ?? roleOf(identity, settings));
}

/** The highest role that this person has anywhere: what a grant can be worth at most. */
export function highestRole(identity: Identity, settings: Settings): Role | undefined {
  const roles = [
    roleOf(identity, settings),
    ...settings.servers.map((server) => roleAt(identity, server, settings)),
  ];
  return highest(roles.filter((role) => role !== undefined));
}

/** A visitor of a gate that no longer lets visitors in: nobody ever vouched for them. */
function isShutOut({ provider }: Identity, { signIn }: Settings): boolean {
  return provider === VISITOR && !signIn.methods?.includes('skip');
}

function highest(roles: Role[]): Role | undefined {
  return ROLES.findLast((role) => roles.includes(role));
}

/** The lower of two roles, of which the second may say nothing. */
function lower(role: Role | undefined, cap: Role | undefined): Role | undefined {
  return cap === undefined ? role : ROLES.find((one) => one === role || one === cap);
}

/** The way a person signs in, as a rule's `methods` names it. */
function methodOf({ provider }: Identity): SignInMethod {
  if (provider === VISITOR) return 'skip';
  if (provider === SERVICE) return 'key';
  return provider === 'local' ? 'local' : 'oidc';
}

function namesPerson(rule: RoleRule, identity: Identity): boolean {
  if (identity.claims) return false;
  if (rule.provider !== undefined && rule.provider !== identity.provider) return false;
  if (rule.methods !== undefined && !rule.methods.includes(methodOf(identity))) return false;
  if (!rule.groups && !rule.emails && !rule.users) return true;
  if (rule.groups?.some((group) => identity.groups.includes(group))) return true;
  if (rule.users?.includes(identity.subject)) return true;
  const { email, email_verified } = identity;
  if (email === undefined || !email_verified) return false;
  return rule.emails?.some((glob) => matchesEmailGlob(email, glob)) === true;
}
