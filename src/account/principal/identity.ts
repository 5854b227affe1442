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
 * Who a person is, according to a sign-in provider. `(issuer, subject)` identifies the person; the same address never
 * makes two of them one. `provider` is the provider's name in the settings, `local`, `visitor` (somebody who skipped
 * sign-in) or `service` (a program, made by an admin).
 */
export interface Identity {
  provider: string;
  issuer: string;
  subject: string;
  name: string;
  email: string | undefined;
  email_verified: boolean;
  groups: string[];
  /** Only of a person: the claims that rules of `ROLES` ask for (`claims`), as of the provider's last answer. */
  rule_claims?: Record<string, string[]> | undefined;
  /** The role that an admin gave to a service. Everybody else's role comes from the settings. */
  role?: Role | undefined;
  /**
   * Only of a program that came with a trusted issuer's token or as a client: the claims that the rules of
   * `TRUSTED_ISSUERS` ask for; empty for a client. Only those settings give it a role.
   */
  claims?: RuleClaims;
}

/** The `provider` and `issuer` of principals that didn't come from a sign-in provider. */
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
 * What the settings let this person do at most: the highest role of the rules of `ROLES` that name them, or
 * `DEFAULT_ROLE`. Undefined: no access. Unverified addresses match no rule. A visitor is a viewer unless a rule names
 * `skip`, and has no role when visitors are not let in (any more). A service has its own role, which a rule that names
 * `key` can lower.
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
 * Whether the settings make this person an auditor, in addition to any other role: someone who reads everything that
 * admins see. Rules of a single server don't count.
 */
export function isAuditor(identity: Identity, settings: Settings): boolean {
  if (isShutOut(identity, settings)) return false;
  const named = settings.roles.some((rule) => rule.role === 'auditor' && namesPerson(rule, identity));
  return named || roleOf(identity, settings) === 'auditor';
}

/** What this person may do at most at one server: by the server's own `roles`, or by the global ones. */
export function roleAt(identity: Identity, server: ServerSetting, settings: Settings): Role | undefined {
  if (isShutOut(identity, settings)) return undefined;
  const own = highest(server.roles.filter((rule) => namesPerson(rule, identity)).map((rule) => rule.role));
  return identity.provider === SERVICE
    ? lower(roleOf(identity, settings), own)
    : (own ?? roleOf(identity, settings));
}

/** The highest role that this person has at any server: the most that a grant can allow. */
export function highestRole(identity: Identity, settings: Settings): Role | undefined {
  const roles = [
    roleOf(identity, settings),
    ...settings.servers.map((server) => roleAt(identity, server, settings)),
  ];
  return highest(roles.filter((role) => role !== undefined));
}

/** A visitor, where the settings don't let visitors in any more. */
function isShutOut({ provider }: Identity, { signIn }: Settings): boolean {
  return provider === VISITOR && !signIn.methods?.includes('skip');
}

function highest(roles: Role[]): Role | undefined {
  return ROLES.findLast((role) => roles.includes(role));
}

/** The lower of two roles; the first one where there is no cap. */
function lower(role: Role | undefined, cap: Role | undefined): Role | undefined {
  return cap === undefined ? role : ROLES.find((one) => one === role || one === cap);
}

/** The way a person signs in, as a rule's `methods` names it. */
function methodOf({ provider }: Identity): SignInMethod {
  if (provider === VISITOR) return 'skip';
  if (provider === SERVICE) return 'key';
  return provider === 'local' ? 'local' : 'oidc';
}

/** Whether all claims hold that a rule asks for: each has, or contains, one of the values. */
function hasClaims({ claims = {} }: RoleRule, { rule_claims: known = {} }: Identity): boolean {
  return Object.entries(claims).every(([name, values]) => {
    const held = Object.hasOwn(known, name) ? known[name] : undefined;
    return [values].flat().some((value) => held?.includes(value));
  });
}

function namesPerson(rule: RoleRule, identity: Identity): boolean {
  if (identity.claims) return false;
  if (rule.provider !== undefined && rule.provider !== identity.provider) return false;
  if (rule.methods !== undefined && !rule.methods.includes(methodOf(identity))) return false;
  if (!hasClaims(rule, identity)) return false;
  if (!rule.groups && !rule.emails && !rule.users) return true;
  if (rule.groups?.some((group) => identity.groups.includes(group))) return true;
  if (rule.users?.includes(identity.subject)) return true;
  const { email, email_verified } = identity;
  if (email === undefined || !email_verified) return false;
  return rule.emails?.some((glob) => matchesEmailGlob(email, glob)) === true;
}
