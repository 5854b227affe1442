import { startAuthorization } from '@modelcontextprotocol/client';
import type { Context } from 'hono';
import { accountOf, isOfAnotherClient, type OAuthCredential, type ProviderClient } from '../../account';
import { seconds } from '../../clock';
import { type Deployment, deploymentOf } from '../../config';
import { randomSecret, sha256Hex } from '../../crypto';
import type { Flow } from '../../flow';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { type ConnectedServer, clientSettingOf, loopbackOrigins, placeOf } from '../../upstream';
import { type DiscoveryRefusal, findProvider, type Provider } from '../discovery/discovery';
import { callbackFor } from './callback';
import { type ClientRefusal, clientAt, forgetRegistration } from './client';
import { configuredSecret } from './configured';
import { type ExchangeRefusal, exchangeCode } from './provider';

/** What is kept, sealed in the flow, while a person is at the provider. `code_verifier` is a secret. */
export interface ConnectTransaction {
  server: string;
  user: string;
  place: string;
  /** Where the answer must arrive; undefined: it was begun before callbacks were bound, and is taken nowhere. */
  redirect_uri: string | undefined;
  code_verifier: string;
  provider: Provider;
  client: ProviderClient;
  /** Where the browser goes with what was obtained, which then waits in the flow; unset: it is kept at once. */
  return_to?: string | undefined;
}

/** The name under which it is staged. Each has its own: a person may be at several providers, in several tabs. */
async function nameOf(state: string): Promise<string> {
  return `connect:${await sha256Hex(state)}`;
}

/** What waits in the flow for an answer with this `state` (RFC 6749 section 10.12), once; undefined: nothing does. */
export async function takeTransaction(flow: Flow, state: string): Promise<ConnectTransaction | undefined> {
  return flow.take<ConnectTransaction>(await nameOf(state));
}

export type BeginRefusal = DiscoveryRefusal | ClientRefusal;

/**
 * Begins a connection: where to send the browser. The flow must be one whose client the person has consented to, or
 * one of the gate's own (`BEHAVIOURS`, confused deputy): only now is there a `state` (RFC 6749 section 10.12).
 * With `returnTo` what is obtained is staged in the flow, and the browser comes back there.
 */
export async function beginConnect(
  c: Context,
  flow: Flow,
  user: string,
  server: ConnectedServer,
  returnTo?: string,
): Promise<Result<string, Refusal<BeginRefusal>>> {
  const deployment = deploymentOf(c);
  const found = await findProvider(deployment, server);
  if (!found.ok) return found;
  const provider = found.value;
  const account = accountOf(deployment.env, user);
  const { connections } = await account.listConnections();
  const before = connections.find((one) => one.server === server.name);
  const callback = await callbackFor(deployment, server, provider);
  if (before?.reason === 'client_rejected') await forgetRegistration(deployment, provider, callback.url);
  const client = await clientAt(deployment, server, provider, callback);
  if (!client.ok) return client;

  const state = `${flow.id}.${randomSecret()}`;
  const { authorizationUrl, codeVerifier } = await startAuthorization(provider.authorization_endpoint, {
    metadata: { ...sdkMetadata(provider), response_types_supported: ['code'] },
    clientInformation: { client_id: client.value.client_id },
    redirectUrl: callback.url,
    state,
    resource: provider.resource,
    ...(provider.scope === undefined ? {} : { scope: provider.scope }),
  });
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

export type FinishRefusal =
  /** It arrived at another server's callback. */
  | 'callback_mismatch'
  | 'issuer_mismatch'
  /** The person said no there. */
  | 'provider_denied'
  | 'callback_malformed'
  /** The settings name another client meanwhile. */
  | 'client_changed'
  | ExchangeRefusal;

/**
 * Finishes a connection with what the provider sent the browser back with, for the `state` of this transaction: that
 * it came to this transaction's callback, and `iss` (RFC 9207), checked before anything else of it is believed, an
 * error as well as a code; then the code exchanged. `answer`: the address that the browser was sent to.
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
  if (error !== null) return refuse('provider_denied', knownError(error));
  const [code = '', ...more] = parameters.getAll('code');
  if (code === '' || more.length > 0) return refuse('callback_malformed');
  const secret =
    client.kind === 'configured' ? configuredSecret(deployment, server.name) : client.client_secret;
  const { resource, issuer = null } = provider;
  const about = { server: server.name, code, code_verifier, redirect_uri, resource, client };
  const { token_endpoint, revocation_endpoint, token_endpoint_auth_methods_supported } = provider;
  const where = { issuer, token_endpoint, revocation_endpoint, token_endpoint_auth_methods_supported };
  if (isOfAnotherClient({ client, provider: where }, clientSettingOf(server)))
    return refuse('client_changed');
  const options = { loopback: loopbackOrigins(deployment, server), clientSecret: secret };
  const exchanged = await exchangeCode({ ...about, provider: where }, options);
  if (!exchanged.ok && exchanged.error.reason === 'client_rejected') {
    await forgetRegistration(deployment, provider, redirect_uri);
  }
  // RFC 6749 section 5.1: a scope that isn't told is the one that was asked for.
  return exchanged.ok
    ? ok({ ...exchanged.value, scope: exchanged.value.scope ?? provider.scope })
    : exchanged;
}

/**
 * RFC 9207 section 2.4: there must be one where the provider promises it, and what there is must be the provider's.
 * Of endpoints whose issuer the settings don't say, one is taken that is where people sign in.
 */
function isIssuerRight({ issuer, tellsIssuer, authorization_endpoint }: Provider, told: string[]): boolean {
  const [iss, ...more] = told;
  if (iss === undefined) return !tellsIssuer;
  if (more.length > 0) return false;
  if (issuer !== undefined) return iss === issuer;
  return URL.canParse(iss) && new URL(iss).origin === new URL(authorization_endpoint).origin;
}

/** A code of RFC 6749 section 4.1.2.1, for the log; others may say anything. */
function knownError(error: string): string {
  return /^[a-z_]{1,40}$/.test(error) ? error : 'another error';
}

/** As much of the metadata as the SDK's first step looks at. */
function sdkMetadata({ issuer, authorization_endpoint, token_endpoint }: Provider) {
  return { issuer: issuer ?? authorization_endpoint, authorization_endpoint, token_endpoint };
}
