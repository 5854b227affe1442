// @ts-check
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, EnvHttpProxyAgent, fetch as undiciFetch } from 'undici';
import { Ending } from './exit.js';
import { asObject } from './message.js';
import { isLoopback } from './options.js';
import { ProxyFailure, ProxyPool, readProxy } from './proxy.js';

/** @import { RequestInit, Response } from 'undici' */

/** Milliseconds. */
const CONNECT_TIMEOUT = 10_000;
const FIRST_DELAY = 250;
const LONGEST_DELAY = 5000;

// No time limit for an answer: a call may take an hour, and the client decides how long to wait.
const limits = {
  headersTimeout: 0,
  bodyTimeout: 0,
  connect: { timeout: CONNECT_TIMEOUT, keepAlive: true, keepAliveInitialDelay: 10_000 },
};
// Plain http is used only on this computer: a proxy could read the credential.
const inside = new Agent(limits);
/** @type {EnvHttpProxyAgent | undefined} */
let outside;

/** To the outside, by the proxy of the environment if there is one, save to what `NO_PROXY` names. */
function throughProxy() {
  const found = readProxy(process.env);
  const proxy = found && 'url' in found ? found.url : '';
  const clientFactory = (/** @type {URL} */ origin, /** @type {object} */ options) =>
    new ProxyPool(origin.origin, options);
  return new EnvHttpProxyAgent({ ...limits, httpProxy: proxy, httpsProxy: proxy, clientFactory });
}

/**
 * `fetch`, through the proxy that the environment names, if any, without following redirects.
 * @param {string} url
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
export function fetchOnce(url, init) {
  outside ??= throughProxy();
  const dispatcher = isLoopback(new URL(url)) ? inside : outside;
  return undiciFetch(url, { ...init, redirect: 'manual', dispatcher });
}

/** @typedef {'unsent' | 'lost' | 'hopeless'} FailureKind */

/**
 * A request without an answer. `unsent`: it can't have arrived; `lost`: it may have; `hopeless`: it will never arrive,
 * such as with an untrusted certificate.
 */
export class NetworkFailure extends Error {
  /**
   * @param {FailureKind} kind
   * @param {string} says
   */
  constructor(kind, says) {
    super(says);
    this.kind = kind;
  }
}

const UNSENT = /** @type {Record<string, string>} */ ({
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'its name wasn’t found',
  EAI_AGAIN: 'its name couldn’t be looked up',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no network',
  ENETDOWN: 'there is no network',
  EADDRNOTAVAIL: 'there is no network',
  UND_ERR_CONNECT_TIMEOUT: 'it took too long to connect',
});
const LOST = /** @type {Record<string, string>} */ ({
  ECONNRESET: 'the connection was closed unexpectedly',
  EPIPE: 'the connection was closed unexpectedly',
  ETIMEDOUT: 'the connection timed out',
  UND_ERR_SOCKET: 'the connection was closed unexpectedly',
});
const CERTIFICATE = /CERT|SIGNATURE|ISSUER|ERR_TLS|ERR_SSL|EPROTO/;

/**
 * What a failure of `fetch` means for the request.
 * @param {unknown} error
 * @returns {NetworkFailure}
 */
export function judgeFailure(error) {
  if (error instanceof NetworkFailure) return error;
  const cause = asObject(asObject(error).cause ?? error);
  if (cause instanceof ProxyFailure) return judgeProxy(cause);
  const code = typeof cause.code === 'string' ? cause.code : '';
  if (Object.hasOwn(UNSENT, code)) return new NetworkFailure('unsent', UNSENT[code] ?? code);
  // The TLS handshake comes before any byte of the request.
  if (CERTIFICATE.test(code)) return new NetworkFailure('hopeless', `the secure connection failed (${code})`);
  const known = Object.hasOwn(LOST, code) ? LOST[code] : undefined;
  return new NetworkFailure('lost', known ?? `the connection failed${code === '' ? '' : ` (${code})`}`);
}

/**
 * A request can't have arrived if the proxy made no tunnel.
 * @param {ProxyFailure} failure
 */
function judgeProxy({ message, cause }) {
  if (cause === undefined) return new NetworkFailure('unsent', message);
  const { kind, message: why } = judgeFailure(cause);
  return new NetworkFailure(kind === 'hopeless' ? kind : 'unsent', `${message}: ${why}`);
}

/**
 * A failure as the client reads it.
 * @param {NetworkFailure} failure
 * @param {string | undefined} method the request's
 */
export function describeFailure({ kind, message }, method) {
  if (kind === 'unsent') return `The server can’t be reached: ${message}`;
  const doubt =
    kind === 'lost' && method === 'tools/call' ? '. It isn’t known whether the call took effect' : '';
  return `No answer from the server: ${message}${doubt}`;
}

/**
 * Milliseconds to wait before the next attempt, of which `attempts` have failed.
 * @param {number} attempts
 */
export function backoff(attempts) {
  // Random, so that a server that comes back doesn't get all requests at the same moment.
  const spread = 0.75 + Math.random() / 2;
  return Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempts, 10)) * spread;
}

/**
 * Milliseconds that a server with too many requests asks to wait (RFC 9110 section 10.2.3); undefined if it doesn't.
 * 429 and 503 mean that nothing was done.
 * @param {Response} response
 * @param {number} now milliseconds since the epoch
 */
export function retryAfter(response, now) {
  if (response.status !== 429 && response.status !== 503) return undefined;
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  const at = /^\d+$/.test(value) ? now + Number(value) * 1000 : Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/**
 * Sends until there is an answer, or `patience` is over. A request that may have arrived is sent again only if it is
 * `repeatable`.
 * @param {() => Promise<Response>} attempt
 * @param {{ patience: number, repeatable: boolean, signal: AbortSignal }} options milliseconds
 * @returns {Promise<Response>} throws a {@link NetworkFailure}, or what `signal` was aborted with
 */
export async function persist(attempt, { patience, repeatable, signal }) {
  const deadline = Date.now() + patience;
  for (let attempts = 0; ; attempts++) {
    let delay = backoff(attempts);
    try {
      const response = await attempt();
      const asked = retryAfter(response, Date.now());
      if (asked === undefined || Date.now() + asked > deadline) return response;
      delay = Math.max(asked, delay);
      await response.body?.cancel();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Ending) throw error;
      const failure = judgeFailure(error);
      const again = failure.kind === 'unsent' || (failure.kind === 'lost' && repeatable);
      if (!again || Date.now() + delay > deadline) throw failure;
    }
    await wait(delay, undefined, { signal });
  }
}
