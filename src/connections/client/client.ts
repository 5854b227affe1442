import { RegistrationRejectedError, registerClient } from '@modelcontextprotocol/client';
import { isSendable, type ProviderClient } from '../../account';
import { seconds } from '../../clock';
import type { Deployment, ServerSetting } from '../../config';
import { isCallbackId, seal, sha256Hex, unseal } from '../../crypto';
import { isLoopbackHost } from '../../hosts';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { loopbackOrigins, ProviderFetchError, registrationFetch } from '../../upstream';
import type { Provider } from '../discovery/discovery';
import { CALLBACK_PATH, type Callback, callbackUrl } from './callback';
import { checkIssuer } from './configured';
import { readRegistrationAnswer } from './registration-answer';

/* The gate as an OAuth client: who it says it is at the authorization servers of the MCP servers. */

const CLIENT_DOCUMENT_PATH = '/oauth/client.json';

/** Seconds for which new connections use a registration; those made with it keep it. */
const REMEMBERED = 7 * 86_400;
/** The shortest time to live in KV, in seconds. */
const SHORTEST = 60;

export type ClientRefusal =
  /** It takes no client metadata documents, and has no registration endpoint. */
  | 'registration_unsupported'
  | 'registration_refused'
  /** A success without a client that can be used. Another try would leave a second client there. */
  | 'registration_answer_invalid'
  /** The configured client belongs to another issuer, see `checkIssuer`. */
  | 'issuer_changed'
  /** It doesn't answer now: worth trying again. */
  | 'provider_unavailable';

/** Where the gate is a client: for which server, at which provider, with which redirect URI. */
export interface ClientUse {
  server: ServerSetting;
  provider: Provider;
  callback: Callback;
}

/**
 * The gate's own client metadata document (draft-ietf-oauth-client-id-metadata-document), at its `client_id`. Each
 * callback has one: a provider that knows the gate by the document of one server sends nothing to another's callback.
 * Without `id`: the document that older connections are renewed by. Undefined for an id that isn't ours.
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
 * The gate's client for a server at its provider: the configured one, else the metadata document of the callback where
 * the provider takes such documents, else a registration (RFC 7591), which is kept in KV, sealed, for all users.
 */
export async function clientAt(
  deployment: Deployment,
  use: ClientUse,
): Promise<Result<ProviderClient, Refusal<ClientRefusal>>> {
  const { server, provider, callback } = use;
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
  // Sealed for its key in KV: under another issuer's key it can't be opened.
  const opened =
    remembered === null ? undefined : await unseal<ProviderClient>(deployment.keyring, key, remembered);
  if (opened?.ok) return opened;
  const registered = await register(deployment, use);
  if (!registered.ok) return registered;
  const { client, lifetime } = registered.value;
  const sealed = await seal(deployment.keyring, key, client);
  if (lifetime >= SHORTEST) await deployment.env.OAUTH_KV.put(key, sealed, { expirationTtl: lifetime });
  return ok(client);
}

/** Forgets a registration that the provider doesn't know any more: the next connection registers again. */
export async function forgetRegistration(
  deployment: Deployment,
  provider: Provider,
  callback: string,
): Promise<void> {
  await deployment.env.OAUTH_KV.delete(await registrationKey(provider, callback));
}

interface Registered {
  client: ProviderClient;
  /** Seconds for which new connections may use it. */
  lifetime: number;
}

/**
 * Registers with the scope that will be requested, which some providers insist on. Where that is refused, without: other
 * providers don't accept scopes of a resource in a registration.
 */
async function register(
  deployment: Deployment,
  use: ClientUse,
): Promise<Result<Registered, Refusal<ClientRefusal>>> {
  const { scope } = use.provider;
  const registered = await registerWith(deployment, use, scope);
  const refused = !registered.ok && registered.error.reason === 'registration_refused';
  return refused && scope !== undefined ? registerWith(deployment, use, undefined) : registered;
}

async function registerWith(
  deployment: Deployment,
  { server, provider, callback }: ClientUse,
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
      fetchFn: registrationFetch(loopbackOrigins(deployment, server), (answer) =>
        readRegistrationAnswer(answer, callback.url),
      ),
    });
    const { client_id, client_secret, client_secret_expires_at: ends = 0 } = made;
    // RFC 6749 appendix A.1 and A.2: both go into a header.
    if (![client_id, client_secret ?? client_id].every(isSendable)) {
      return refuse('registration_answer_invalid', 'client_id or client_secret');
    }
    // Some list or echo a method that takes a secret, and then give none.
    const given = client_secret === undefined ? 'none' : (made.token_endpoint_auth_method ?? method);
    const client = { client_id, client_secret, token_endpoint_auth_method: given };
    // RFC 7591 section 3.2.1: 0 is no end.
    const lifetime = ends <= 0 ? REMEMBERED : Math.min(REMEMBERED, Math.floor(ends - seconds()));
    return ok({ client: { kind: 'registered', ...client }, lifetime });
  } catch (error) {
    if (error instanceof ProviderFetchError) return refuse('provider_unavailable', error.reason);
    // The error's message quotes the provider's answer, which may be anything.
    if (!(error instanceof RegistrationRejectedError)) return refuse('registration_answer_invalid');
    const { status } = error;
    const passing = status >= 500 || status === 429;
    return refuse(passing ? 'provider_unavailable' : 'registration_refused', String(status));
  }
}

/** The best first: with a secret, the gate can't be impersonated by somebody who knows its client id. */
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
    // OpenID providers accept http on loopback from native clients only.
    application_type: isLoopbackHost(new URL(origin).hostname) ? 'native' : 'web',
    ...(settings.policyUrl === undefined ? {} : { policy_uri: settings.policyUrl }),
    ...(settings.termsUrl === undefined ? {} : { tos_uri: settings.termsUrl }),
  };
}

/** The key in KV: one registration for each issuer, callback (and so server) and scope. */
async function registrationKey({ issuer, scope }: Provider, callback: string): Promise<string> {
  return `upstream-client:${await sha256Hex([issuer, callback, scope].join('\n'))}`;
}
