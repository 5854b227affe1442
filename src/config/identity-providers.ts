import { z } from 'zod';
import { httpUrl, issuerUrl, secondsSetting, settingName } from './primitives';

/* The settings of a sign-in provider (`SIGN_IN.oidc`); docs/identity-providers.md shows them for many providers. */

const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'none'] as const;

/** Parameters of an authorization request that the gate itself sets, and that decide what it can trust. */
const OWN_PARAMETERS = [
  'client_id',
  'client_secret',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'request',
  'request_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
];

const authorizeParameters = z
  .record(z.string().min(1), z.string({ error: 'must be text' }))
  .superRefine((parameters, context) => {
    for (const name of Object.keys(parameters).filter((one) => OWN_PARAMETERS.includes(one))) {
      context.addIssue({ code: 'custom', path: [name], message: 'is set by the gate itself' });
    }
  });

/** A tenant of Entra: its id, as `tid` in ID tokens has it. */
const tenant = z
  .string()
  .toLowerCase()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, {
    error: 'must be the id of a tenant, such as 2f6b1c9e-1111-2222-3333-444455556666',
  });

/** Entra's endpoints for people of many tenants, which are nobody's issuer: each tenant has its own. */
const SHARED_ISSUER = /\/(common|organizations)(\/|$)/i;

export const oidcProvider = z
  .strictObject({
    name: settingName.refine((name) => !['local', 'key', 'skip', 'visitor', 'service'].includes(name), {
      error: 'must not be local, key, skip, visitor, or service, which are reserved',
    }),
    title: z.string().min(1).optional(),
    issuer: issuerUrl,
    discovery_url: httpUrl.optional(),
    tenants: z.array(tenant).min(1).optional(),
    client_id: z.string().min(1),
    token_endpoint_auth_method: z
      .enum(AUTH_METHODS, { error: `must be one of ${AUTH_METHODS.join(', ')}` })
      .optional(),
    scopes: z
      .string()
      .refine((scopes) => scopes.split(' ').includes('openid'), { error: 'must include openid' })
      .default('openid profile email'),
    offline_access: z.boolean({ error: 'must be true or false' }).optional(),
    authorize_parameters: authorizeParameters.optional(),
    response_mode: z.enum(['query', 'form_post'], { error: 'must be query or form_post' }).optional(),
    groups_claim: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
        error: 'must be the name of a claim, or an array of them',
      })
      .default('groups'),
    groups_missing: z.enum(['keep', 'none'], { error: 'must be keep or none' }).optional(),
    end_session: z.boolean({ error: 'must be true or false' }).optional(),
    domains: z.array(z.string().toLowerCase()).default([]),
    recheck: secondsSetting.default(43_200),
    max_age: secondsSetting.default(2_592_000),
  })
  .refine(({ issuer, tenants }) => tenants !== undefined || !isShared(issuer), {
    path: ['tenants'],
    error: 'is required for an issuer of many tenants: list the ids of those that may sign in',
  })
  .refine(({ issuer, tenants }) => tenants === undefined || isShared(issuer), {
    path: ['tenants'],
    error:
      'is only for an issuer of many tenants, such as https://login.microsoftonline.com/organizations/v2.0',
  });
/**
 * A sign-in provider of `SIGN_IN.oidc`. `domains`: people with addresses of these can sign in only with it.
 * `tenants`: those of a shared issuer whose people may sign in. `groups_missing`: what an answer means that says who a
 * person is, but not which groups they have; unset, `keep`. `offline_access`: whether that scope is asked for; unset,
 * where the provider lists it. `end_session`: signing out here signs out there, too.
 */
export type OidcProvider = z.infer<typeof oidcProvider> & {
  /** The claims of its people that rules of `ROLES` ask for; set by `parseSettings`. */
  rule_claims?: string[] | undefined;
};

function isShared(issuer: string): boolean {
  return SHARED_ISSUER.test(URL.canParse(issuer) ? new URL(issuer).pathname : '');
}
