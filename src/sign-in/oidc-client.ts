import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { isolateCache } from '../caches';
import type { OidcProvider } from '../config';
import type { Refusal } from '../result';
import { httpOptions, type ReachedProvider, withoutKeys } from './oidc-discovery';
import { attempt, type OidcRefusal, type OidcResult } from './oidc-refusals';

/* The gate as a client of a sign-in provider: how it authenticates, and what it checks of every answer. */

/** What the steps of one sign-in share. */
export interface RelyingParty extends ReachedProvider {
  as: oauth.AuthorizationServer;
  client: oauth.Client;
}

/** Seconds by which the clocks of a provider and of the gate may differ. */
const CLOCK_TOLERANCE = 60;

/** The gate as a client of the provider. */
export function clientOf({ client_id }: OidcProvider): oauth.Client {
  return { client_id, [oauth.clockTolerance]: CLOCK_TOLERANCE };
}

/**
 * Checks the signature of a response's token, that of the ID token or of userinfo. A key that isn't among those that
 * are known may be a new one: then they are fetched again, at most once in 30 s for each provider.
 */
export async function checkSignature(rp: RelyingParty, response: Response): Promise<OidcResult<void>> {
  const check = (as: oauth.AuthorizationServer) =>
    attempt('oidc_signature_invalid', () =>
      oauth.validateApplicationLevelSignature(as, response, httpOptions(rp)),
    );
  const checked = await check(rp.as);
  const { jwks_uri = '' } = rp.as;
  if (checked.ok || checked.error.reason !== 'oidc_signature_invalid' || refetched().get(jwks_uri))
    return checked;
  refetched().set(jwks_uri, Date.now());
  return check(withoutKeys(rp.as));
}

const refetched = isolateCache<number>('refetchedKeys');

/** The `iss` of the ID token in a token response, not verified; undefined when there is none. */
export async function issuerIn(response: Response): Promise<unknown> {
  try {
    const { id_token } = (await response.clone().json()) as { id_token?: unknown };
    return typeof id_token === 'string' ? decodeJwt(id_token).iss : undefined;
  } catch {
    return undefined;
  }
}

/** A provider's own words may quote what it was sent. */
export function withoutSecrets(
  { reason, detail }: Refusal<OidcRefusal>,
  secrets: (string | null | undefined)[],
): Refusal<OidcRefusal> {
  if (detail === undefined) return { reason };
  const calm = secrets.reduce<string>(
    (text, secret) => (secret ? text.replaceAll(secret, '…') : text),
    detail,
  );
  return { reason, detail: calm };
}

/**
 * How the gate authenticates at the token endpoint (RFC 6749 section 2.3.1): as the setting says, else as the
 * provider's metadata does; without any, `client_secret_basic` (section 9).
 */
export function clientAuthentication(
  { as, provider }: Pick<RelyingParty, 'as' | 'provider'>,
  secret: string | undefined,
): oauth.ClientAuth {
  const method = provider.token_endpoint_auth_method;
  if (secret === undefined || method === 'none') return oauth.None();
  if (method === 'client_secret_post') return oauth.ClientSecretPost(secret);
  if (method === 'client_secret_basic') return oauth.ClientSecretBasic(secret);
  const methods = as.token_endpoint_auth_methods_supported ?? [];
  const postOnly = methods.includes('client_secret_post') && !methods.includes('client_secret_basic');
  return postOnly ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
}
