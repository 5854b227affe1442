import { z } from 'zod';
import { isLoopbackHost } from '../hosts';

/* What settings are made of: the words and shapes that more than one of them uses. */

export const ROLES = ['viewer', 'member', 'owner', 'admin'] as const;
/** What a principal may do at most: viewers read, members also write, owners also destroy. */
export type Role = (typeof ROLES)[number];

export const SIGN_IN_METHODS = ['oidc', 'key', 'skip', 'local'] as const;
export type SignInMethod = (typeof SIGN_IN_METHODS)[number];

export const httpUrl = z.string().refine((text) => isHttpUrl(text), {
  error: 'must be an https:// URL (http:// on loopback only)',
});
/** OpenID Connect Discovery 1.0 section 2: an issuer has neither query nor fragment. Any spelling of it will do. */
export const issuerUrl = httpUrl.refine((text) => !/[?#\\\s]/.test(text), {
  error: 'must be an https:// URL without query and fragment',
});
export const origin = z.string().transform((text, context) => {
  if (isHttpUrl(text) && new URL(text).href === `${new URL(text).origin}/`) return new URL(text).origin;
  context.addIssue('must be an origin: https://host, without path, query or fragment');
  return z.NEVER;
});
export const host = z
  .string()
  .toLowerCase()
  .refine((text) => URL.canParse(`https://${text}`) && new URL(`https://${text}`).host === text, {
    error: 'must be a host, with its port if it has one: gate.internal:8080',
  });
const SETTING_NAME = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;

/** Whether a server, a provider or the like can be called so in the settings. */
export function isSettingName(text: string): boolean {
  return SETTING_NAME.test(text);
}

export const settingName = z.string().regex(SETTING_NAME, {
  error: 'must be 1 to 32 of a-z, 0-9 and -, not beginning or ending with -',
});
export const secondsSetting = z.int().min(1, { error: 'must be a whole number of seconds, at least 1' });
export const role = z.enum(ROLES, { error: `must be one of ${ROLES.join(', ')}` });
export const method = z.enum(SIGN_IN_METHODS, { error: `must be one of ${SIGN_IN_METHODS.join(', ')}` });

export const roleRule = z
  .strictObject({
    role,
    groups: z.array(z.string()).optional(),
    emails: z.array(z.string()).optional(),
    users: z.array(z.string()).optional(),
    provider: z.string().optional(),
    methods: z.array(method).optional(),
  })
  .refine((rule) => rule.groups ?? rule.emails ?? rule.users ?? rule.methods, {
    error: 'must name whom it is for: groups, emails, users or methods',
  })
  .refine((rule) => !(rule.groups ?? rule.emails ?? rule.users) || rule.provider || rule.methods, {
    error: 'must name the provider whose groups, emails or users it means',
  });
/** One rule of `ROLES`; a user has the highest role that a rule gives. */
export type RoleRule = z.infer<typeof roleRule>;

function isHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.username || url.password) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}
