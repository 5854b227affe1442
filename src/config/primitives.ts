import { z } from 'zod';
import { isLoopbackHost } from '../hosts';

/* Schemas and names that more than one setting uses. */

export const ROLES = ['viewer', 'auditor', 'member', 'owner', 'admin'] as const;
/**
 * The most that a principal may do: viewers read, members also write, owners also delete, admins also administer.
 * An auditor has a viewer's tools, and reads what admins see.
 */
export type Role = (typeof ROLES)[number];

/** Ways to sign in: an OIDC provider, an access key, none (as a visitor), or any name in local development. */
export const SIGN_IN_METHODS = ['oidc', 'key', 'skip', 'local'] as const;
export type SignInMethod = (typeof SIGN_IN_METHODS)[number];

export const httpUrl = z.string().refine((text) => isHttpUrl(text), {
  error: 'must be an https:// URL (http:// on loopback only)',
});
/** An issuer has no query and no fragment (OpenID Connect Discovery 1.0 section 2). Its spelling is not normalized. */
export const issuerUrl = httpUrl.refine((text) => !/[?#\\\s]/.test(text), {
  error: 'must be an https:// URL without a query or fragment',
});
export const origin = z.string().transform((text, context) => {
  if (isHttpUrl(text) && new URL(text).href === `${new URL(text).origin}/`) return new URL(text).origin;
  context.addIssue('must be an origin such as https://host, without a path, query, or fragment');
  return z.NEVER;
});
export const host = z
  .string()
  .toLowerCase()
  .refine((text) => URL.canParse(`https://${text}`) && new URL(`https://${text}`).host === text, {
    error: 'must be a host, with its port if there is one, such as gate.internal:8080',
  });
const SETTING_NAME = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;

/** Whether a text can be the name of a server, a provider, or an issuer in the settings. */
export function isSettingName(text: string): boolean {
  return SETTING_NAME.test(text);
}

export const settingName = z.string().regex(SETTING_NAME, {
  error: 'must be 1 to 32 characters of a-z, 0-9, and -, and must not start or end with -',
});
export const secondsSetting = z.int().min(1, { error: 'must be a whole number of seconds, at least 1' });
export const role = z.enum(ROLES, { error: `must be one of ${ROLES.join(', ')}` });
export const method = z.enum(SIGN_IN_METHODS, { error: `must be one of ${SIGN_IN_METHODS.join(', ')}` });

/** Claims that a person has to have, by name or path: each with a text, or with one of several. */
const ruleClaims = z
  .record(
    z.string().min(1),
    z.union([z.string(), z.array(z.string()).min(1)], { error: 'must be text, or an array of text' }),
  )
  .refine((claims) => Object.keys(claims).length > 0, { error: 'must name a claim' });

export const roleRule = z
  .strictObject({
    role,
    groups: z.array(z.string()).optional(),
    emails: z.array(z.string()).optional(),
    users: z.array(z.string()).optional(),
    provider: z.string().optional(),
    methods: z.array(method).optional(),
    claims: ruleClaims.optional(),
  })
  .refine((rule) => rule.groups ?? rule.emails ?? rule.users ?? rule.methods ?? rule.claims, {
    error: 'must say who it applies to: groups, emails, users, claims, or methods',
  })
  .refine((rule) => !(rule.groups ?? rule.emails ?? rule.users) || rule.provider || rule.methods, {
    error: 'must name the provider of its groups, emails, or users',
  })
  .refine((rule) => !rule.claims || rule.provider, { error: 'must name the provider of its claims' });
/** One rule of `ROLES`. A user has the highest role that any rule gives. `claims`: all of them have to hold, too. */
export type RoleRule = z.infer<typeof roleRule>;

function isHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.username || url.password) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}
