// @ts-check
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import * as oauth from 'oauth4webapi';
import { discover, oauthOptions } from './discovery.js';
import { Ending, EXIT } from './exit.js';
import { judgeFailure } from './network.js';
import { say } from './say.js';

/** @import { StoredSignIn } from './types.ts' */

/** Seconds (RFC 8628 sections 3.2, 3.5). */
const DEFAULT_INTERVAL = 5;
const SLOW_DOWN = 5;
/** Of a token's life, or at most so many seconds: how long before its end it is refreshed. */
const RENEW_SHARE = 0.25;
const RENEW_SECONDS = 60;

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * Signs a person in with a code that they enter in a browser, on any device (RFC 8628). Throws an {@link Ending} when
 * that fails or is declined.
 * @param {URL} url
 * @param {string | undefined} asked the scope to request; undefined: the server's default
 * @param {() => Promise<StoredSignIn | undefined>} elsewhere whether another process has signed in meanwhile
 * @returns {Promise<StoredSignIn>}
 */
export async function signInByDevice(url, asked, elsewhere) {
  const { resource, scope = '', server } = await discover(url);
  if (!server.device_authorization_endpoint)
    throw new Ending(
      EXIT.noCredential,
      `${url.host} doesn’t offer sign-in with a code; use an access key instead`,
    );
  const options = oauthOptions(url);
  const client = await register(server, options);
  const wanted = asked ?? scope;
  const parameters = { resource, ...(wanted === '' ? {} : { scope: wanted }) };
  const started = await oauth
    .deviceAuthorizationRequest(server, client, oauth.None(), parameters, options)
    .then((response) => oauth.processDeviceAuthorizationResponse(server, client, response))
    .catch(failed('the sign-in couldn’t be started'));
  tell(started);
  const deadline = Date.now() + started.expires_in * 1000;
  for (let interval = started.interval ?? DEFAULT_INTERVAL; ; ) {
    await wait(interval * 1000);
    const found = await elsewhere();
    if (found) return found;
    if (Date.now() > deadline) throw new Ending(EXIT.noCredential, 'the code has expired; start again');
    try {
      const additionalParameters = { resource };
      const response = await oauth.deviceCodeGrantRequest(
        ...[server, client, oauth.None(), started.device_code],
        { ...options, additionalParameters },
      );
      const tokens = await oauth.processDeviceCodeResponse(server, client, response);
      say('signed in');
      const { client_id } = client;
      return { url: url.href, resource, issuer: server.issuer, client_id, ...kept(tokens), asked };
    } catch (error) {
      interval += judgePoll(error);
    }
  }
}

/**
 * The parts of a token response that are stored; without a new `refresh_token`, the old one stays.
 * @param {oauth.TokenEndpointResponse} tokens
 * @param {string} [before]
 */
export function kept({ access_token, refresh_token, expires_in }, before) {
  const now = Math.floor(Date.now() / 1000);
  const early = Math.min(RENEW_SECONDS, (expires_in ?? 0) * RENEW_SHARE);
  const ends =
    expires_in === undefined ? {} : { expires_at: now + expires_in, renew_at: now + expires_in - early };
  return { access_token, refresh_token: refresh_token ?? before, ...ends };
}

/**
 * @param {oauth.AuthorizationServer} server
 * @param {ReturnType<typeof oauthOptions>} options
 * @returns {Promise<oauth.Client>}
 */
async function register(server, options) {
  if (!server.registration_endpoint)
    throw new Ending(EXIT.noCredential, 'this server doesn’t register clients; use an access key instead');
  const metadata = {
    // The person sees it on the consent page, and later in the list of allowed apps.
    client_name: `gatehouse-stdio on ${hostname()}`,
    grant_types: [DEVICE_CODE, 'refresh_token'],
    response_types: [],
    token_endpoint_auth_method: 'none',
  };
  const { client_id } = await oauth
    .dynamicClientRegistrationRequest(server, metadata, options)
    .then((response) => oauth.processDynamicClientRegistrationResponse(response))
    .catch(failed('the sign-in couldn’t be started'));
  return { client_id };
}

/** @param {oauth.DeviceAuthorizationResponse} started */
function tell({ user_code, verification_uri, verification_uri_complete, expires_in }) {
  const link = verification_uri_complete ? `\n  or:    ${verification_uri_complete}` : '';
  const minutes = Math.round(expires_in / 60);
  say(`sign in within ${minutes} minutes\n  open:  ${verification_uri}\n  code:  ${user_code}${link}\n`);
}

/**
 * Seconds by which polling slows down (RFC 8628 section 3.5). Throws an {@link Ending} when it is over.
 * @param {unknown} error
 */
function judgePoll(error) {
  const code = error instanceof oauth.ResponseBodyError ? error.error : undefined;
  if (code === 'authorization_pending') return 0;
  if (code === 'access_denied') throw new Ending(EXIT.refused, 'the sign-in was declined');
  if (code === 'expired_token') throw new Ending(EXIT.noCredential, 'the code has expired; start again');
  // A server that can't be reached, or has a problem, is polled less often, as if it had said `slow_down`.
  const passing = code === undefined || code === 'slow_down';
  if (passing && !(error instanceof Ending)) return SLOW_DOWN;
  return failed('the sign-in failed')(error);
}

/**
 * @param {string} what
 * @returns {(error: unknown) => never}
 */
function failed(what) {
  return (error) => {
    if (error instanceof Ending) throw error;
    if (error instanceof oauth.ResponseBodyError) {
      throw new Ending(EXIT.refused, `${what}: ${error.error_description ?? error.error}`);
    }
    if (error instanceof oauth.OperationProcessingError)
      throw new Ending(EXIT.refused, `${what}: ${error.message}`);
    throw new Ending(EXIT.unreachable, `${what}: ${judgeFailure(error).message}`);
  };
}
