// @ts-check
import { Headers } from 'undici';
import { Ending, EXIT } from './exit.js';
import { fetchOnce, judgeFailure, NetworkFailure, persist } from './network.js';
import { keepSecret, shown } from './say.js';

/** @import { Response } from 'undici' */
/** @import { Credential } from './types.ts' */

/**
 * @typedef {object} Ask
 * @property {Record<string, string>} [headers]
 * @property {string} [body]
 * @property {boolean} [repeatable] whether the request may be sent again when it may have arrived
 * @property {number} [patience] milliseconds; unset: the endpoint's own
 * @property {AbortSignal} signal
 */

/** The server's URL, as the credential opens it. */
export class Endpoint {
  #url;
  #headers;
  #credential;
  #patience;
  /** Whether anything has ever answered, and let us in. */
  #reached = false;
  #proven = false;

  /** @param {{ url: URL, headers: Record<string, string>, credential: Credential, patience: number }} options */
  constructor({ url, headers, credential, patience }) {
    this.#url = url;
    this.#headers = headers;
    this.#credential = credential;
    this.#patience = patience;
  }

  /** Milliseconds. */
  get patience() {
    return this.#patience;
  }

  /**
   * One answer of the server, with any status. Throws a `NetworkFailure`, the reason of `signal`, or an `Ending`: never
   * reached (4), or rejected (3).
   * @param {'POST' | 'GET' | 'DELETE'} method
   * @param {Ask} ask
   */
  async request(method, ask) {
    let { response, used } = await this.#send(method, ask);
    if (response.status === 401) {
      await response.body?.cancel();
      if (await this.#credential.refused(used, this.#proven)) {
        ({ response, used } = await this.#send(method, ask));
      }
      if (response.status === 401) throw new Ending(EXIT.refused, this.#credential.refusal);
    }
    if (response.status === 403 && !this.#proven && !asksForScope(response)) {
      throw new Ending(EXIT.refused, `${this.#credential.refusal} (403)`);
    }
    if (response.status >= 300 && response.status < 400) throw await redirected(response, this.#url);
    if (response.ok) this.#proven = true;
    return response;
  }

  /**
   * @param {string} method
   * @param {Ask} ask
   */
  async #send(method, { headers = {}, body, repeatable = false, patience = this.#patience, signal }) {
    const used = await this.#credential.headers();
    keepSecret(this.#credential.secrets());
    const init = {
      method,
      headers: joined({ 'user-agent': 'gatehouse-stdio' }, this.#headers, used, headers),
      signal,
      ...(body === undefined ? {} : { body }),
    };
    try {
      const options = { patience, repeatable, signal };
      const response = await persist(() => fetchOnce(this.#url.href, init), options);
      this.#reached = true;
      return { response, used };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Ending || this.#reached) throw error;
      const { message } = judgeFailure(error);
      throw new Ending(EXIT.unreachable, `${this.#url.host} can’t be reached: ${message}`);
    }
  }
}

/**
 * Merges headers, ignoring the case of their names; later ones win.
 * @param {Record<string, string>[]} all
 */
function joined(...all) {
  const headers = new Headers();
  for (const some of all) for (const [name, value] of Object.entries(some)) headers.set(name, value);
  return headers;
}

/**
 * Whether a 403 means one operation, not the credential (RFC 6750 section 3.1).
 * @param {Response} response
 */
export function asksForScope(response) {
  return (response.headers.get('www-authenticate') ?? '').includes('insufficient_scope');
}

/**
 * @param {Response} response
 * @param {URL} url
 */
async function redirected(response, url) {
  await response.body?.cancel();
  const to = response.headers.get('location') ?? '';
  const where = URL.canParse(to, url) ? new URL(to, url) : undefined;
  const known = where ? shown(`to ${where.origin}${where.pathname}`) : 'elsewhere';
  return new NetworkFailure('hopeless', `it redirects ${known}, and redirects aren’t followed`);
}
