import { z } from 'zod';
import { httpUrl, role, settingName } from './primitives';
import { publicKeysSetting } from './trusted-issuers';

const GRANTS = {
  authorization_code: 'authorization_code',
  refresh_token: 'refresh_token',
  device_code: 'urn:ietf:params:oauth:grant-type:device_code',
  client_credentials: 'client_credentials',
} as const;
const METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;

export const configuredClient = z
  .strictObject({
    client_id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, {
      error: 'must be 1 to 64 characters of A-Z, a-z, 0-9, ., _, and -',
    }),
    name: z.string().min(1).max(100),
    redirect_uris: z.array(z.string()).default([]),
    scope: z.string().optional(),
    token_endpoint_auth_method: z
      .enum(METHODS, { error: `must be one of ${METHODS.join(', ')}` })
      .default('none'),
    grant_types: z
      .array(z.enum(GRANTS, { error: `must be one of ${Object.values(GRANTS).join(', ')}` }))
      .min(1)
      .default(['authorization_code', 'refresh_token']),
    jwks: publicKeysSetting.optional(),
    jwks_uri: httpUrl.optional(),
    role: role.optional(),
    servers: z.array(settingName).optional(),
  })
  .refine((client) => !client.grant_types.includes('authorization_code') || client.redirect_uris.length > 0, {
    path: ['redirect_uris'],
    error: 'is required, unless grant_types has no authorization_code',
  })
  .refine((client) => isSigning(client) === (countKeys(client) === 1) && countKeys(client) < 2, {
    path: ['jwks_uri'],
    error: 'private_key_jwt needs exactly one of jwks and jwks_uri; other methods need neither',
  })
  .refine((client) => isServiceAccount(client) === (client.role !== undefined), {
    path: ['role'],
    error:
      'client_credentials needs a role for its service account; without client_credentials, there must be none',
  })
  .refine((client) => !isServiceAccount(client) || client.token_endpoint_auth_method !== 'none', {
    path: ['token_endpoint_auth_method'],
    error: 'must not be none with client_credentials, which only the client’s own credentials protect',
  })
  .refine((client) => !client.servers || isServiceAccount(client), {
    path: ['servers'],
    error: 'is only for client_credentials; people choose servers on the consent page',
  });
/**
 * A client of `CLIENTS`, which needn't register. `scope`: the most that it gets. `role` and `servers`: what its
 * service account may do, by `client_credentials` (RFC 6749 section 4.4).
 */
export type ConfiguredClient = z.infer<typeof configuredClient>;

type Keys = { jwks?: unknown; jwks_uri?: unknown };

function countKeys({ jwks, jwks_uri }: Keys): number {
  return [jwks, jwks_uri].filter((keys) => keys !== undefined).length;
}

function isSigning({ token_endpoint_auth_method }: { token_endpoint_auth_method: string }): boolean {
  return token_endpoint_auth_method === 'private_key_jwt';
}

function isServiceAccount({ grant_types }: { grant_types: readonly string[] }): boolean {
  return grant_types.includes('client_credentials');
}
