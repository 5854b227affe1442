import { RegistrationRejectedError, registerClient } from '@modelcontextprotocol/client';
import { isSendable, type ProviderClient } from '../../account';
import { seconds } from '../../clock';
import type { Deployment, ServerSetting } from '../../config';
import { isCallbackId, seal, sha256Hex, unseal } from '../../crypto';
import { isLoopbackHost } from '../../hosts';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { loopbackOrigins, ProviderFetchError, providerFetch } from '../../upstream';
import type { Provider } from '../discovery/discovery';
import { CALLBACK_PATH, type Callback, callbackUrl } from './callback';
import { checkIssuer } from './configured';

/* The gate as an OAuth client of the servers behind: who it says it is at their authorization servers. */

const CLIENT_DOCUMENT_PATH = '/oauth/client.json';

/** How long a registration is used for new connections, in seconds; those made with it keep it. */
const REMEMBERED = 7 * 86_400;
/** KV keeps nothing for less. */
const SHORTEST = 60;

export type ClientRefusal =
  | 'registration_unsupported'
  | 'registration_refused'
  | 'issuer_changed'
  | 'provider_unavailable';

/**
 * The gate's own client metadata document (draft-ietf-oauth-client-id-metadata-document), at its `client_id`. Each
 * callback has one: a provider that knows the gate by the document of one server sends nothing to another's callback.
 * Without `id`: the document of before, by which older connections are renewed. Undefined for an id that isn't ours.
 */
export async function clientDocument(
  deployment: Deployment,
  id?: string,
): Promise<Record<string, unknown> | undefined> {
  if (id !== undefined && !(await isCallbackId(deployment.keyring, id))) return undefined;
  const { origin, settings } = deployment;
  const logo = settings.logo === undefined ? {} : { logo_uri: `${origin}/logo` };
  const client_id = id === undefined ? `${origin}${CLIENT_DOCUMENT_PATH}` : documentUrl(deployment, id);
  const callback = id === undefined ? `${origin}${CALLBACK_PATH}` : callbackUrl(deployment, id);
  return { client_id, ...clientMetadata(deployment, 'none', callback), ...logo };
}

function documentUrl({ origin }: Pick<Deployment, 'origin'>, id: string): string {
  return `${origin}/oauth/client/${id}.json`;
}

/**
 * The gate's client for a server at its provider: the configured one, else the metadata document of the callback
 * where the provider takes such, else a registration (RFC 7591), which is remembered, sealed, for all users.
 */
export async function clientAt(
  deployment: Deployment,
  server: ServerSetting,
  provider: Provider,
  callback: Callback,
): Promise<Result<ProviderClient, Refusal<ClientRefusal>>> {
  const { client_id, token_endpoint_auth_method } = server;
  if (client_id !== undefined) {
    const checked = await checkIssuer(deployment, server, provider);
    return checked.ok ? ok({ kind: 'configured', client_id, token_endpoint_auth_method }) : checked;
  }
  if (provider.takesDocuments && deployment.secure && callback.id !== undefined) {
    const id = documentUrl(deployment, callback.id);
    return ok({ kind: 'document', client_id: id, token_endpoint_auth_method: 'none' });
  }
  const key = await registrationKey(provider, callback.url);
  const remembered = await deployment.env.OAUTH_KV.get(key);
  // Sealed for its key: a registration that was moved to another issuer's opens nothing.
  const opened =
    remembered === null ? undefined : await unseal<ProviderClient>(deployment.keyring, key, remembered);
  if (opened?.ok) return opened;
  const registered = await register(deployment, server, provider, callback);
  if (!registered.ok) return registered;
  const { client, lifetime } = registered.value;
  const sealed = await seal(deployment.keyring, key, client);
  if (lifetime >= SHORTEST) await deployment.env.OAUTH_KV.put(key, sealed, { expirationTtl: lifetime });
  return ok(client);
}

/** Forgets a registration that the provider doesn't know any more: the next connection makes a new one. */
export async function forgetRegistration(
  deployment: Deployment,
  provider: Provider,
  callback: string,
): Promise<void> {
  await deployment.env.OAUTH_KV.delete(await registrationKey(provider, callback));
}

interface Registered {
  client: ProviderClient;
  /** For how many seconds it is good for new connections. */
  lifetime: number;
}

/**
 * With the scope that will be asked for, as some want it; without, where that is refused: others know scopes of
 * resources only once they are asked for.
 */
async function register(
  deployment: Deployment,
  server: ServerSetting,
  provider: Provider,
  callback: Callback,
): Promise<Result<Registered, Refusal<ClientRefusal>>> {
  const registered = await registerWith(deployment, server, provider, callback, provider.scope);
  const again = !registered.ok && registered.error.reason === 'registration_refused';
  if (!again || provider.scope === undefined) return registered;
  return registerWith(deployment, server, provider, callback, undefined);
}

async function registerWith(
  deployment: Deployment,
  server: ServerSetting,
  provider: Provider,
  callback: Callback,
  scope: string | undefined,
): Promise<Result<Registered, Refusal<ClientRefusal>>> {
  const { registration_endpoint, issuer } = provider;
  if (registration_endpoint === undefined || issuer === undefined) return refuse('registration_unsupported');
  const methods = provider.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const method = AUTH_METHODS.find((one) => methods.includes(one)) ?? 'none';
  const { authorization_endpoint, token_endpoint } = provider;
  const metadata = { issuer, authorization_endpoint, token_endpoint, registration_endpoint };
  try {
    const made = await registerClient(issuer, {
      metadata: { ...metadata, response_types_supported: ['code'] },
      clientMetadata: clientMetadata(deployment, method, callback.url),
      ...(scope === undefined ? {} : { scope }),
      fetchFn: providerFetch(loopbackOrigins(deployment, server)),
    });
    const { client_id, client_secret, client_secret_expires_at: ends = 0 } = made;
    // RFC 6749 appendix A.1 and A.2: both go into a header.
    if (![client_id, client_secret ?? client_id].every(isSendable)) {
      return refuse('registration_refused', 'client_id or client_secret');
    }
    // Some list or echo a method that takes a secret, and then give none.
    const given = client_secret === undefined ? 'none' : (made.token_endpoint_auth_method ?? method);
    const client = { client_id, client_secret, token_endpoint_auth_method: given };
    // RFC 7591 section 3.2.1: 0 is no end.
    const lifetime = ends <= 0 ? REMEMBERED : Math.min(REMEMBERED, Math.floor(ends - seconds()));
    return ok({ client: { kind: 'registered', ...client }, lifetime });
  } catch (error) {
    if (error instanceof ProviderFetchError) return refuse('provider_unavailable', error.reason);
    // Its message quotes what the provider answered, which may be anything.
    const status = error instanceof RegistrationRejectedError ? error.status : 0;
    const passing = status >= 500 || status === 429;
    return refuse(passing ? 'provider_unavailable' : 'registration_refused', String(status));
  }
}

/** The best first: with a secret of its own, the gate can't be impersonated by whoever knows its id. */
const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'none'];

function clientMetadata(deployment: Deployment, method: string, callback: string) {
  const { origin, settings } = deployment;
  return {
    client_name: settings.name,
    client_uri: origin,
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: method,
    // OpenID providers take http on loopback of native clients alone.
    application_type: isLoopbackHost(new URL(origin).hostname) ? 'native' : 'web',
    ...(settings.policyUrl === undefined ? {} : { policy_uri: settings.policyUrl }),
    ...(settings.termsUrl === undefined ? {} : { tos_uri: settings.termsUrl }),
  };
}

/** One registration for each issuer, callback (and so server) and scope. */
async function registrationKey({ issuer, scope }: Provider, callback: string): Promise<string> {
  return `upstream-client:${await sha256Hex([issuer, callback, scope].join('\n'))}`;
}
