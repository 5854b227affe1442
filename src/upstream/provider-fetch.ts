import { type OutboundRefusal, outboundFetch, responseOf } from '../outbound-fetch';
import type { Refusal } from '../result';
import { parseJsonObject, readTokenAnswer } from './token-answer';

/*
 * The `fetch` functions for the SDK's OAuth functions, to reach the authorization servers of upstream servers. All of
 * them are `outboundFetch` with one policy, and throw {@link ProviderFetchError} through the SDK.
 */

/** Why a provider gave no usable answer. All of these may be temporary. */
export type ProviderFetchRefusal =
  | OutboundRefusal
  /** 429 or 5xx. */
  | 'overloaded';

/** The error that the functions below throw. */
export class ProviderFetchError extends Error {
  constructor(
    readonly reason: ProviderFetchRefusal,
    /** Seconds to wait, as the provider says. */
    readonly retryAfter?: number,
    /** Whether the provider answered, so that it is known that it did nothing. */
    readonly answered = false,
  ) {
    super(reason);
  }

  /** The same as a value. */
  get refusal(): Refusal<ProviderFetchRefusal> {
    return { reason: this.reason };
  }
}

const POLICY = { maxBytes: 256 * 1024, timeoutMs: 10_000, statuses: 'any' } as const;

type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/**
 * A `fetch` that returns the provider's answer, whatever its status. It reads 256 kB at most, in 10 seconds at most,
 * and throws {@link ProviderFetchError} when there is no answer.
 *
 * @param loopback origins on this computer that may be reached, in local development
 */
export function providerFetch(loopback: readonly string[]): Fetch {
  return async (url, { method = 'GET', headers, body = null } = {}) => {
    const request = { method, headers: new Headers(headers), body };
    const sent = await outboundFetch(String(url), { ...POLICY, loopback }, request);
    if (!sent.ok) throw new ProviderFetchError(sent.error.reason);
    return responseOf(sent.value);
  };
}

/**
 * The same for metadata documents. 429 and 5xx are thrown, because the SDK would treat them as a wrong document. An
 * answer that isn't JSON becomes 404, because some servers send a page for every unknown URL, and the SDK must try
 * the next one.
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
 * The same for token endpoints. 429, 5xx, and redirects are thrown. Any other answer gets the form of RFC 6749
 * section 5 ({@link readTokenAnswer}); it is empty when it can't be read.
 */
export function tokenFetch(loopback: readonly string[]): Fetch {
  const send = providerFetch(loopback);
  return async (url, init) => {
    const response = await send(url, init);
    const { status, headers } = response;
    if (status >= 500 || status === 429) {
      const retryAfter = parseRetryAfter(headers.get('retry-after'));
      // After a 5xx it isn't known whether the token was rotated; after a 429 it wasn't.
      throw new ProviderFetchError('overloaded', retryAfter, status === 429);
    }
    if (status >= 300 && status < 400) throw new ProviderFetchError('redirected', undefined, true);
    const answer = readTokenAnswer(new TextDecoder().decode(await response.arrayBuffer()));
    return Response.json(answer ?? {}, { status });
  };
}

/** `Retry-After` in seconds, from seconds or a date (RFC 9110 section 10.2.3); undefined when it can't be read. */
export function parseRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}
