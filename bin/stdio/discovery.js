// @ts-check
import * as oauth from 'oauth4webapi';
import { Ending, EXIT } from './exit.js';
import { asObject, parseJson } from './message.js';
import { fetchOnce, judgeFailure } from './network.js';
import { isLoopback } from './options.js';

/** Milliseconds. */
const TIMEOUT = 15_000;
const LONGEST_DOCUMENT = 64 * 1024;

/**
 * @typedef {object} Discovered where to sign in for a URL
 * @property {string} resource what the tokens are for, as the metadata spells it
 * @property {string | undefined} scope the server's default
 * @property {oauth.AuthorizationServer} server
 */

/**
 * The options of every OAuth request for a URL: our `fetch`, a time limit, and plain http only on this computer.
 * @param {URL} url
 */
export function oauthOptions(url) {
  const loopback = isLoopback(url);
  const send = async (/** @type {string} */ to, /** @type {object} */ init) => {
    const { protocol, hostname } = new URL(to);
    if (protocol !== 'https:' && !(loopback && isLoopback({ hostname }))) {
      throw new Ending(EXIT.refused, 'the server’s sign-in address isn’t https');
    }
    return /** @type {unknown} */ (await fetchOnce(to, init));
  };
  return {
    [oauth.customFetch]: /** @type {(to: string, init: object) => Promise<Response>} */ (
      /** @type {unknown} */ (send)
    ),
    [oauth.allowInsecureRequests]: loopback,
    signal: () => AbortSignal.timeout(TIMEOUT),
  };
}

/**
 * Finds the server's authorization server: by its challenge, its metadata (RFC 9728), and the metadata of the
 * authorization server (RFC 8414). Throws an {@link Ending} when a step fails.
 * @param {URL} url
 * @returns {Promise<Discovered>}
 */
export async function discover(url) {
  const challenge = await readChallenge(url);
  const path = url.pathname === '/' ? '' : url.pathname;
  const wellKnown = `${url.origin}/.well-known/oauth-protected-resource`;
  const locations = challenge.metadata
    ? [challenge.metadata]
    : [`${wellKnown}${path}${url.search}`, wellKnown];
  for (const location of locations) {
    const metadata = await readMetadata(url, location);
    if (!metadata) continue;
    const { resource, authorization_servers, scopes_supported } = metadata;
    if (typeof resource !== 'string' || !covers(resource, url)) {
      throw new Ending(EXIT.refused, `the server’s metadata is for ${resource}, not for ${url.href}`);
    }
    const issuer = Array.isArray(authorization_servers) ? authorization_servers[0] : undefined;
    const listed = Array.isArray(scopes_supported) ? scopes_supported.join(' ') : undefined;
    return { resource, scope: challenge.scope ?? listed, server: await readServer(url, `${issuer}`) };
  }
  throw new Ending(EXIT.refused, `${url.host} doesn’t say where to sign in; use an access key instead`);
}

/**
 * The metadata of an authorization server (RFC 8414, else OpenID Connect discovery).
 * @param {URL} url the resource's
 * @param {string} issuer
 * @returns {Promise<oauth.AuthorizationServer>}
 */
export async function readServer(url, issuer) {
  if (!URL.canParse(issuer)) throw new Ending(EXIT.refused, 'the server names no authorization server');
  const at = new URL(issuer);
  for (const algorithm of /** @type {const} */ (['oauth2', 'oidc'])) {
    const response = await oauth
      .discoveryRequest(at, { ...oauthOptions(url), algorithm })
      .catch(unreachable(at));
    if (response.ok) return oauth.processDiscoveryResponse(at, response);
    await response.body?.cancel();
  }
  throw new Ending(EXIT.refused, `${at.host} doesn’t describe how to sign in`);
}

/**
 * @param {URL} at
 * @returns {(error: unknown) => never}
 */
function unreachable(at) {
  return (error) => {
    if (error instanceof Ending) throw error;
    throw new Ending(EXIT.unreachable, `${at.host} can’t be reached: ${judgeFailure(error).message}`);
  };
}

/** @param {URL} url */
async function readChallenge(url) {
  const headers = { accept: 'application/json, text/event-stream' };
  const options = { headers, signal: AbortSignal.timeout(TIMEOUT) };
  const response = await fetchOnce(url.href, options).catch(unreachable(url));
  await response.body?.cancel();
  const header = (response.status === 401 && response.headers.get('www-authenticate')) || '';
  return {
    metadata: /\bresource_metadata="([^"]+)"/i.exec(header)?.[1],
    scope: /\bscope="([^"]+)"/i.exec(header)?.[1],
  };
}

/**
 * @param {URL} url
 * @param {string} location
 */
async function readMetadata(url, location) {
  if (!URL.canParse(location)) return undefined;
  const { [oauth.customFetch]: fetch } = oauthOptions(url);
  const init = { headers: { accept: 'application/json' }, signal: AbortSignal.timeout(TIMEOUT) };
  const response = await fetch(location, init).catch(unreachable(new URL(location)));
  const text = await response.text();
  if (!response.ok || text.length > LONGEST_DOCUMENT) return undefined;
  return asObject(parseJson(text));
}

/**
 * Whether metadata for `resource` applies to this URL: it is the same, or a parent path at the same origin.
 * @param {string} resource
 * @param {URL} url
 */
function covers(resource, url) {
  if (!URL.canParse(resource)) return false;
  const { origin, pathname } = new URL(resource);
  const above = pathname.endsWith('/') ? pathname : `${pathname}/`;
  return origin === url.origin && (url.pathname === pathname || url.pathname.startsWith(above));
}
