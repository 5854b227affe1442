import { safeSend } from '../outbound-fetch';
import type { Refusal } from '../result';
import { parseJsonObject, readTokenAnswer } from './token-answer';

/* How the gate reaches the authorization servers of the servers behind: nothing of it is chosen by the gate. */

/** Why a provider gave no answer that can be used. All of them may pass. */
export type OutboundRefusal =
  | 'url_forbidden'
  | 'unreachable'
  | 'timed_out'
  | 'redirected'
  | 'too_large'
  /** 429 or 5xx. */
  | 'overloaded';

/** Thrown through the SDK's functions by the fetch below. */
export class ProviderFetchError extends Error {
  constructor(
    readonly reason: OutboundRefusal,
    /** Seconds, as the provider says. */
    readonly retryAfter?: number,
    /** Whether the provider itself answered, and so did nothing. */
    readonly answered = false,
  ) {
    super(reason);
  }

  get refusal(): Refusal<OutboundRefusal> {
    return { reason: this.reason };
  }
}

/** How long a provider may take for one answer, in ms, and how long that may be. */
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 256 * 1024;

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/**
 * The `fetch` that the SDK's OAuth functions get: https, no private address, limits of size and time, no redirect
 * to another place. `loopback`: origins on this computer that may be reached, in local development.
 */
export function providerFetch(loopback: readonly string[]): Fetch {
  return async (url, init = {}) => {
    const { method, body } = init;
    const request = {
      ...(method === undefined ? {} : { method }),
      headers: new Headers(init.headers),
      body: body ?? null,
    };
    const options = { maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS, loopbackOrigins: loopback };
    const sent = await safeSend(String(url), request, options);
    if (!sent.ok) throw new ProviderFetchError(sent.error.reason as OutboundRefusal);
    const { status, headers } = sent.value;
    const bodyless = status === 204 || status === 304 || status < 200;
    // Decoded by now, and of a length that is no longer told.
    const told = new Headers(headers);
    for (const name of ['content-encoding', 'content-length']) told.delete(name);
    return new Response(bodyless ? null : new Uint8Array(sent.value.body), { status, headers: told });
  };
}

/**
 * The same for metadata documents: what may pass is thrown as such: the SDK would call it a document that is wrong. A page is no document: some
 * servers show one, or the way to one, at every address that they don't know, and the SDK must look on.
 */
export function documentFetch(loopback: readonly string[]): Fetch {
  const send = providerFetch(loopback);
  return async (url, init) => {
    const response = await send(url, init);
    if (response.status >= 500 || response.status === 429) throw new ProviderFetchError('overloaded');
    const isDocument = response.ok && parseJsonObject(await response.clone().text()) !== undefined;
    return response.ok && !isDocument ? new Response(null, { status: 404 }) : response;
  };
}

/**
 * The same for token endpoints: what may pass is thrown, and an answer is brought into the form that RFC 6749
 * section 5 gives it, whatever form the provider sent.
 */
export function tokenFetch(loopback: readonly string[]): Fetch {
  const send = providerFetch(loopback);
  return async (url, init) => {
    const response = await send(url, init);
    const { status, headers } = response;
    if (status >= 500 || status === 429) {
      const retryAfter = parseRetryAfter(headers.get('retry-after'));
      // After a 5xx nobody knows whether the token was rotated; after a 429 it wasn't.
      throw new ProviderFetchError('overloaded', retryAfter, status === 429);
    }
    if (status >= 300 && status < 400) throw new ProviderFetchError('redirected', undefined, true);
    const answer = readTokenAnswer(new TextDecoder().decode(await response.arrayBuffer()));
    return Response.json(answer ?? {}, { status });
  };
}

/** `Retry-After` in seconds (RFC 9110 section 10.2.3); undefined when it says nothing. */
export function parseRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
