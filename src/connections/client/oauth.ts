import { startAuthorization } from '@modelcontextprotocol/client';
import type { Context } from 'hono';
import {
  accountOf,
  isOfAnotherClient,
  type OAuthCredential,
  type ProviderClient,
  type ProviderSettings,
} from '../../account';
import { seconds } from '../../clock';
import { type Deployment, deploymentOf } from '../../config';
import { randomSecret, sha256Hex } from '../../crypto';
import type { Flow } from '../../flow';
import { ok, type Refusal, type Result, refuse } from '../../result';
import {
  type ConnectedServer,
  clientSettingOf,
  loopbackOrigins,
  placeOf,
  providerSettingsOf,
} from '../../upstream';
import { type DiscoveryRefusal, findProvider, type Provider } from '../discovery/discovery';
import { behaviorOf, type ProviderBehavior } from '../discovery/profiles';
import { callbackFor } from './callback';
import { type ClientRefusal, clientAt, forgetRegistration } from './client';
import { configuredSecret } from './configured';
import { describeError, type ExchangeRefusal, exchangeCode } from './provider';

/** What is kept, sealed in the flow, while a person is at the provider. `code_verifier` is a secret (RFC 7636). */
export interface ConnectTransaction {
  server: string;
  user: string;
  place: string;
  /** Where the answer must arrive. Undefined: begun before each server had its own callback; such an answer is refused. */
  redirect_uri: string | undefined;
  code_verifier: string;
  provider: Provider;
  client: ProviderClient;
  /** Where the browser goes next, while what was obtained is staged in the flow. Unset: it is kept at once. */
  return_to?: string | undefined;
}

/** The name that a transaction is staged under: its own, since a person may be at several providers, in several tabs. */
async function nameOf(state: string): Promise<string> {
  return `connect:${await sha256Hex(state)}`;
}

/** Takes the transaction of this `state` (RFC 6749 section 10.12) from its flow; undefined when there is none. */
export async function takeTransaction(flow: Flow, state: string): Promise<ConnectTransaction | undefined> {
  return flow.take<ConnectTransaction>(await nameOf(state));
}

export type BeginRefusal = DiscoveryRefusal | ClientRefusal;

/** A connection to begin. With `returnTo`, what is obtained is staged in the flow, and the browser comes back there. */
export interface ConnectRequest {
  /** The user id of the person who connects. */
  user: string;
  server: ConnectedServer;
  returnTo?: string;
  /** Leaves out `offline_access` where only the gate wants it: the provider has refused it. */
  withoutOfflineAccess?: boolean;
}

/**
 * Begins a connection: the URL to send the browser to. The flow must be one whose client the person has consented to,
 * or one of the gate's own pages, so that no client can make a person connect (MCP, "Confused Deputy"): only now is
 * there a `state` (RFC 6749 section 10.12). Refused when the provider can't be found, or doesn't accept our client.
 */
export async function beginConnect(
  c: Context,
  flow: Flow,
  { user, server, returnTo, withoutOfflineAccess = false }: ConnectRequest,
): Promise<Result<string, Refusal<BeginRefusal>>> {
  const deployment = deploymentOf(c);
  const found = await findProvider(deployment, server);
  if (!found.ok) return found;
  const provider = withoutOfflineAccess ? dropOfflineAccess(found.value) : found.value;
  const account = accountOf(deployment.env, user);
  const { connections } = await account.listConnections();
  const before = connections.find((one) => one.server === server.name);
  const callback = await callbackFor(deployment, server, provider);
  if (before?.reason === 'client_rejected') await forgetRegistration(deployment, provider, callback.url);
  const client = await clientAt(deployment, { server, provider, callback });
  if (!client.ok) return client;

  const settings = providerSettingsOf(server);
  const behavior = behaviorOf(settings, provider.token_endpoint);
  const state = `${flow.id}.${randomSecret()}`;
  const { authorizationUrl, codeVerifier } = await startAuthorization(provider.authorization_endpoint, {
    metadata: { ...sdkMetadata(provider), response_types_supported: ['code'] },
    clientInformation: { client_id: client.value.client_id },
    redirectUrl: callback.url,
    state,
    ...(behavior.resource ? { resource: provider.resource } : {}),
    ...(provider.scope === undefined ? {} : { scope: provider.scope }),
  });
  adaptRequest(authorizationUrl, provider.authorization_endpoint, settings, behavior);
  const transaction: ConnectTransaction = {
    server: server.name,
    user,
    place: placeOf(server),
    redirect_uri: callback.url,
    code_verifier: codeVerifier,
    provider,
    client: client.value,
    return_to: returnTo,
  };
  const staged = await flow.stage(await nameOf(state), transaction);
  if (!staged.ok) return refuse('provider_unavailable', staged.error.reason);
  await account.beginConnecting(server.name, seconds() + deployment.settings.tokens.flow);
  return ok(authorizationUrl.href);
}

/** A provider that is asked only for scopes that the settings or the server name. */
function dropOfflineAccess(provider: Provider): Provider {
  if (!provider.adds_offline_access) return provider;
  const scopes = provider.scope?.split(' ').filter((scope) => scope !== 'offline_access') ?? [];
  const scope = scopes.length > 0 ? scopes.join(' ') : undefined;
  return { ...provider, scope, adds_offline_access: false };
}

export type FinishRefusal =
  /** The answer arrived at another server's callback. */
  | 'callback_mismatch'
  | 'issuer_mismatch'
  /** `access_denied`: a person said no there, or the provider's own rules do. */
  | 'provider_denied'
  /** The provider refused the authorization request itself, with any other code. */
  | 'request_refused'
  /** It refused a scope that the gate added by itself: the connection is to be begun again without it. */
  | 'scope_refused'
  | 'callback_malformed'
  /** The settings name another client by now. */
  | 'client_changed'
  | ExchangeRefusal;

/**
 * Finishes a connection with the provider's answer to this transaction. `answer`: the URL that the browser came back
 * to. First it is checked that it is this transaction's callback, and that `iss` is the provider's (RFC 9207), for an
 * error as for a code; then the code is exchanged for the credential.
 */
export async function finishConnect(
  deployment: Deployment,
  server: ConnectedServer,
  transaction: ConnectTransaction,
  answer: URL,
): Promise<Result<OAuthCredential, Refusal<FinishRefusal>>> {
  const { provider, client, code_verifier, redirect_uri } = transaction;
  const parameters = answer.searchParams;
  if (redirect_uri !== `${deployment.origin}${answer.pathname}`) return refuse('callback_mismatch');
  if (!isIssuerRight(provider, parameters.getAll('iss'))) return refuse('issuer_mismatch');
  const error = parameters.get('error');
  if (error !== null) {
    const detail = describeError(error, parameters.get('error_description'));
    return refuse(reasonOf(error, provider), detail);
  }
  const [code = '', ...more] = parameters.getAll('code');
  if (code === '' || more.length > 0) return refuse('callback_malformed');
  const secret =
    client.kind === 'configured' ? configuredSecret(deployment, server.name) : client.client_secret;
  const { resource, issuer = null } = provider;
  const requested_scope = provider.scope;
  const about = { server: server.name, code, code_verifier, redirect_uri, resource, client, requested_scope };
  const { token_endpoint, revocation_endpoint, token_endpoint_auth_methods_supported } = provider;
  const where = { issuer, token_endpoint, revocation_endpoint, token_endpoint_auth_methods_supported };
  if (isOfAnotherClient({ client, provider: where }, clientSettingOf(server)))
    return refuse('client_changed');
  const requests = providerSettingsOf(server);
  const options = { loopback: loopbackOrigins(deployment, server), clientSecret: secret, requests };
  const exchanged = await exchangeCode({ ...about, provider: where }, options);
  if (!exchanged.ok && exchanged.error.reason === 'client_rejected') {
    await forgetRegistration(deployment, provider, redirect_uri);
  }
  // RFC 6749 section 5.1: an answer without `scope` means the one that was requested.
  if (exchanged.ok) return ok({ ...exchanged.value, scope: exchanged.value.scope ?? provider.scope });
  const { reason, detail = '' } = exchanged.error;
  const isScope = reason === 'provider_refused' && detail.startsWith('invalid_scope');
  return isScope && provider.adds_offline_access ? refuse('scope_refused', detail) : exchanged;
}

/** What an error code of RFC 6749 section 4.1.2.1 means for the connection. */
function reasonOf(error: string, { adds_offline_access }: Provider): FinishRefusal {
  if (error === 'access_denied') return 'provider_denied';
  if (error === 'server_error' || error === 'temporarily_unavailable') return 'provider_unavailable';
  // Some say `invalid_request` of a scope.
  const mayBeScope = error === 'invalid_scope' || error === 'invalid_request';
  return mayBeScope && adds_offline_access === true ? 'scope_refused' : 'request_refused';
}

/**
 * RFC 9207 section 2.4: `iss`, at most once, is the provider's, and must be there when its metadata promises it. Where
 * the settings name endpoints without an issuer, it must have the origin of the authorization endpoint.
 */
function isIssuerRight({ issuer, tellsIssuer, authorization_endpoint }: Provider, given: string[]): boolean {
  const [iss, ...more] = given;
  if (iss === undefined) return !tellsIssuer;
  if (more.length > 0) return false;
  if (issuer !== undefined) return iss === issuer;
  return URL.canParse(iss) && new URL(iss).origin === new URL(authorization_endpoint).origin;
}

/** Brings an authorization request of the SDK into the form that the provider wants. */
function adaptRequest(
  url: URL,
  endpoint: string,
  { fixed }: ProviderSettings,
  behavior: ProviderBehavior,
): void {
  const { searchParams: parameters } = url;
  const scope = parameters.get('scope');
  if (scope !== null) parameters.set('scope', scope.replaceAll(' ', behavior.scope_separator));
  // The SDK adds `prompt=consent` for `offline_access` (OpenID Connect Core 1.0 section 11).
  if (fixed) {
    const own = new URL(endpoint).searchParams.getAll('prompt');
    parameters.delete('prompt');
    for (const prompt of own) parameters.append('prompt', prompt);
  }
  for (const [name, value] of Object.entries(behavior.authorize_parameters)) parameters.set(name, value);
}

/** The metadata that the SDK needs to begin. */
function sdkMetadata({ issuer, authorization_endpoint, token_endpoint }: Provider) {
  return { issuer: issuer ?? authorization_endpoint, authorization_endpoint, token_endpoint };
}
