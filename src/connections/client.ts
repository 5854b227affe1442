import { RegistrationRejectedError, registerClient } from '@modelcontextprotocol/client';
import type { ProviderClient } from '../account';
import { isLoopbackHost, readSecret, type ServerSetting, secretName } from '../config';
import { seal, sha256Hex, unseal } from '../crypto';
import { ok, type Refusal, type Result, refuse } from '../result';
import type { Site } from '../site';
import type { Provider } from './discovery';
import { loopbackOrigins, OutboundFailure, providerFetch } from './outbound';

/* The gate as an OAuth client of the servers behind: who it says it is at their authorization servers. */

export const CALLBACK_PATH = '/connect/callback';
export const CLIENT_DOCUMENT_PATH = '/oauth/client.json';

/** How long a registration is used for new connections, in seconds; those made with it keep it. */
const REMEMBERED = 7 * 86_400;
const SEALED_FOR = 'upstream-client';

export type ClientRefusal = 'registration_unsupported' | 'registration_refused' | 'provider_unavailable';

export function callbackUrl({ origin }: Pick<Site, 'origin'>): string {
  return `${origin}${CALLBACK_PATH}`;
}

/** The gate's own client metadata document (draft-ietf-oauth-client-id-metadata-document), at its `client_id`. */
export function clientDocument(site: Site): Record<string, unknown> {
  const { origin, settings } = site;
  const logo = settings.logo === undefined ? {} : { logo_uri: `${origin}/logo` };
  return { client_id: `${origin}${CLIENT_DOCUMENT_PATH}`, ...clientMetadata(site, 'none'), ...logo };
}

/** The secret that the operator set for a configured client; undefined when there is none. */
export function configuredSecret(site: Site, server: string): string | undefined {
  return readSecret({ ...site.env }, secretName('SERVER', server, 'CLIENT_SECRET'));
}

/**
 * The gate's client at a provider: the configured one, else its metadata document where the provider takes such,
 * else a registration (RFC 7591), which is remembered, sealed, for all users.
 */
export async function clientAt(
  site: Site,
  server: ServerSetting,
  provider: Provider,
): Promise<Result<ProviderClient, Refusal<ClientRefusal>>> {
  const { client_id, token_endpoint_auth_method } = server;
  if (client_id !== undefined) return ok({ kind: 'configured', client_id, token_endpoint_auth_method });
  if (provider.takesDocuments && site.secure) {
    const id = `${site.origin}${CLIENT_DOCUMENT_PATH}`;
    return ok({ kind: 'document', client_id: id, token_endpoint_auth_method: 'none' });
  }
  const key = await registrationKey(site, provider);
  const remembered = await site.env.OAUTH_KV.get(key);
  const opened =
    remembered === null ? undefined : await unseal<ProviderClient>(site.keyring, SEALED_FOR, remembered);
  if (opened?.ok) return opened;
  const registered = await register(site, server, provider);
  if (!registered.ok) return registered;
  const sealed = await seal(site.keyring, SEALED_FOR, registered.value);
  await site.env.OAUTH_KV.put(key, sealed, { expirationTtl: REMEMBERED });
  return registered;
}

/** Forgets a registration that the provider doesn't know any more: the next connection makes a new one. */
export async function forgetRegistration(site: Site, provider: Provider): Promise<void> {
  await site.env.OAUTH_KV.delete(await registrationKey(site, provider));
}

/**
 * With the scope that will be asked for, as some want it; without, where that is refused: others know scopes of
 * resources only once they are asked for.
 */
async function register(
  site: Site,
  server: ServerSetting,
  provider: Provider,
): Promise<Result<ProviderClient, Refusal<ClientRefusal>>> {
  const registered = await registerWith(site, server, provider, provider.scope);
  const again = !registered.ok && registered.error.reason === 'registration_refused';
  if (!again || provider.scope === undefined) return registered;
  return registerWith(site, server, provider, undefined);
}

async function registerWith(
  site: Site,
  server: ServerSetting,
  provider: Provider,
  scope: string | undefined,
): Promise<Result<ProviderClient, Refusal<ClientRefusal>>> {
  const { registration_endpoint, issuer } = provider;
  if (registration_endpoint === undefined || issuer === undefined) return refuse('registration_unsupported');
  const methods = provider.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const method = AUTH_METHODS.find((one) => methods.includes(one)) ?? 'none';
  const { authorization_endpoint, token_endpoint } = provider;
  const metadata = { issuer, authorization_endpoint, token_endpoint, registration_endpoint };
  try {
    const made = await registerClient(issuer, {
      metadata: { ...metadata, response_types_supported: ['code'] },
      clientMetadata: clientMetadata(site, method),
      ...(scope === undefined ? {} : { scope }),
      fetchFn: providerFetch(loopbackOrigins(site, server)),
    });
    const { client_id, client_secret } = made;
    // Some list or echo a method that takes a secret, and then give none.
    const given = client_secret === undefined ? 'none' : (made.token_endpoint_auth_method ?? method);
    return ok({ kind: 'registered', client_id, client_secret, token_endpoint_auth_method: given });
  } catch (error) {
    if (error instanceof OutboundFailure) return refuse('provider_unavailable', error.reason);
    // Its message quotes what the provider answered, which may be anything.
    const status = error instanceof RegistrationRejectedError ? error.status : 0;
    const passing = status >= 500 || status === 429;
    return refuse(passing ? 'provider_unavailable' : 'registration_refused', String(status));
  }
}

/** The best first: with a secret of its own, the gate can't be impersonated by whoever knows its id. */
const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'none'];

function clientMetadata(site: Site, method: string) {
  const { origin, settings } = site;
  return {
    client_name: settings.name,
    client_uri: origin,
    redirect_uris: [callbackUrl(site)],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: method,
    // OpenID providers take http on loopback of native clients alone.
    application_type: isLoopbackHost(new URL(origin).hostname) ? 'native' : 'web',
    ...(settings.policyUrl === undefined ? {} : { policy_uri: settings.policyUrl }),
    ...(settings.termsUrl === undefined ? {} : { tos_uri: settings.termsUrl }),
  };
}

/** One registration for each provider, scope and place of the gate. */
async function registrationKey(site: Site, provider: Provider): Promise<string> {
  const { registration_endpoint, scope } = provider;
  return `upstream-client:${await sha256Hex([registration_endpoint, scope, site.origin].join('\n'))}`;
}
