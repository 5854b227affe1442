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

/** Brings a JSON object of a provider into the form that the SDK expects. */
export type ReadObject = (object: Record<string, unknown>) => Record<string, unknown>;

/**
 * The same for metadata documents, each as `read` returns it. 429 and 5xx are thrown, since the SDK would take them for
 * a wrong document. A page is answered as 404: some servers show one at every address that they don't know, and the SDK
 * must try the next.
 */
export function documentFetch(loopback: readonly string[], read: ReadObject): Fetch {
  const send = providerFetch(loopback);
  return async (url, init) => {
    const response = await send(url, init);
    if (response.status >= 500 || response.status === 429) throw new ProviderFetchError('overloaded');
    if (!response.ok) return response;
    const document = parseJsonObject(await response.text());
    return document ? Response.json(read(document)) : new Response(null, { status: 404 });
  };
}

/** The same for registrations: a success is answered as `read` returns it; one that isn't an object, as if empty. */
export function registrationFetch(loopback: readonly string[], read: ReadObject): Fetch {
  const send = providerFetch(loopback);
  return async (url, init) => {
    const response = await send(url, init);
    return response.ok ? Response.json(read(parseJsonObject(await response.text()) ?? {})) : response;
  };
}

/**
 * The same for token endpoints. 429, 5xx and redirects are thrown; any other answer is brought into the form of RFC
 * 6749 section 5, whatever form the provider sent. `paths`: where in it the access token may be (`readTokenAnswer`);
 * the first that has one counts, `undefined` is the top.
 */
export function tokenFetch(
  loopback: readonly string[],
  paths: readonly (string | undefined)[] = [undefined],
): Fetch {
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
    const text = new TextDecoder().decode(await response.arrayBuffer());
    const answers = paths.map((path) => readTokenAnswer(text, path));
    const answer = answers.find((one) => one?.access_token !== undefined) ?? answers[0];
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
