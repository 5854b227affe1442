import { ROLES, type Role, type Settings } from '../config';

/**
 * Who a sign-in provider says a person is. `(issuer, subject)` is the person; an address never joins two
 * of them. `provider` is the provider's name in the settings, or `local`.
 */
export interface Identity {
  provider: string;
  issuer: string;
  subject: string;
  name: string;
  email: string | undefined;
  email_verified: boolean;
  groups: string[];
}

/** A user as pages, tools and servers see one. */
export interface User {
  id: string;
  name: string;
  email: string | undefined;
  email_verified: boolean;
}

/**
 * What the settings let this person do at most: the highest role of the rules of `ROLES` that name them,
 * else `DEFAULT_ROLE`; undefined: no access. Unverified addresses match no rule.
 */
export function roleOf(identity: Identity, settings: Settings): Role | undefined {
  const named = settings.roles.filter((rule) => {
    const method = identity.provider === 'local' ? 'local' : 'oidc';
    if (rule.provider !== undefined && rule.provider !== identity.provider) return false;
    if (rule.methods !== undefined && !rule.methods.includes(method)) return false;
    if (!rule.groups && !rule.emails && !rule.users) return true;
    return (
      rule.groups?.some((group) => identity.groups.includes(group)) ||
      rule.users?.includes(identity.subject) ||
      (identity.email_verified && rule.emails?.some((glob) => matchesGlob(identity.email ?? '', glob)))
    );
  });
  if (named.length > 0) return ROLES.findLast((role) => named.some((rule) => rule.role === role));
  return settings.defaultRole ?? (identity.provider === 'local' ? 'owner' : undefined);
}

/** `*` stands for any characters but `@`, so that `*@acme.com` is no other domain's; case doesn't count. */
function matchesGlob(text: string, glob: string): boolean {
  const pattern = glob.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pattern.join('[^@]*')}$`, 'i').test(text);
}
