import ipaddr from 'ipaddr.js';
import { isLoopbackHost } from './hosts';
import { ok, type Refusal, type Result, refuse } from './result';

/** Why {@link outboundFetch} has no answer. */
export type OutboundRefusal =
  /** The address rules: nothing was sent. */
  | 'url_forbidden'
  | 'unreachable'
  | 'timed_out'
  /** A 3xx, where only 200 is an answer. */
  | 'redirected'
  /** Another status than 200, where only that is an answer. */
  | 'status_not_ok'
  | 'too_large';

/** What one kind of outgoing request may do. Redirects are never followed. */
export interface OutboundPolicy {
  /** The longest body that is read, in bytes after decompression; 0: none is. */
  maxBytes: number;
  /** For headers and body together, in ms. */
  timeoutMs: number;
  /** `ok`: only 200 is an answer, of others no body is read; `any`: every status is, redirects too. */
  statuses: 'ok' | 'any';
  /** Origins on this computer that may be reached, by `http:` too: for local development. */
  loopback?: readonly string[];
}

/** What is sent: a GET without a body, unless it says otherwise. */
export interface OutboundRequest {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
}

/** An answer that was read to its end. */
export interface OutboundAnswer {
  status: number;
  headers: Headers;
  /** Decoded: `Content-Encoding` and `Content-Length` in `headers` are about what was sent. */
  body: Uint8Array;
}

/**
 * Sends a request to a URL that comes from outside, if {@link mayReach} allows it, within the limits of the policy.
 * The platform checks the addresses that public names resolve to (`global_fetch_strictly_public`).
 */
export async function outboundFetch(
  url: string,
  policy: OutboundPolicy,
  { method = 'GET', headers: given, body = null }: OutboundRequest = {},
): Promise<Result<OutboundAnswer, Refusal<OutboundRefusal>>> {
  if (!mayReach(url, policy.loopback)) return refuse('url_forbidden');
  const signal = AbortSignal.timeout(policy.timeoutMs);
  const headers = new Headers(given);
  // Common firewalls answer 403 to requests without a User-Agent, and Workers send none.
  headers.set('user-agent', 'Gatehouse');
  try {
    const init = { method, headers: Object.fromEntries(headers), body, signal } as const;
    const response = await fetch(new URL(url).href, { ...init, redirect: 'manual', cache: 'no-store' });
    return await readAnswer(response, policy, signal);
  } catch (error) {
    if (signal.aborted) return refuse('timed_out', `after ${policy.timeoutMs} ms`);
    return refuse('unreachable', error instanceof Error ? error.message : undefined);
  }
}

/** The answer as a `Response`, for libraries that are given a `fetch` of ours. */
export function responseOf({ status, headers: received, body }: OutboundAnswer): Response {
  const headers = new Headers(received);
  for (const name of ['content-encoding', 'content-length']) headers.delete(name);
  const bytes = new Uint8Array(body);
  return new Response(bytes.byteLength > 0 ? bytes : null, { status, headers });
}

async function readAnswer(
  response: Response,
  { maxBytes, statuses }: OutboundPolicy,
  signal: AbortSignal,
): Promise<Result<OutboundAnswer, Refusal<OutboundRefusal>>> {
  const { status, headers } = response;
  const isRefused = statuses === 'ok' && status !== 200;
  if (isRefused || maxBytes === 0) {
    await response.body?.cancel();
    if (!isRefused) return ok({ status, headers, body: new Uint8Array() });
    return refuse(status >= 300 && status < 400 ? 'redirected' : 'status_not_ok', String(status));
  }
  const body = await readAtMost(maxBytes, response.body, signal);
  return body ? ok({ status, headers, body }) : refuse('too_large', `over ${maxBytes} bytes`);
}

/** The whole body; undefined as soon as it is longer than `maxBytes`, and the rest isn't read. */
async function readAtMost(
  maxBytes: number,
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (!body) return new Uint8Array();
  const reader = body.getReader();
  // The signal doesn't end a read that waits for a host that sends nothing more.
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    signal.throwIfAborted();
    while (true) {
      const { done, value } = await Promise.race([reader.read(), aborted]);
      if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
      size += value.length;
      if (size > maxBytes) return undefined;
      chunks.push(value);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/**
 * Whether the gate may send a request there: by https, without userinfo, to no host that {@link isForbiddenHost} names.
 * `loopback`: origins on this computer for which none of this holds but userinfo.
 */
export function mayReach(target: string, loopback: readonly string[] = []): boolean {
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (!url || url.username || url.password) return false;
  const isNamed = loopback.some((origin) => URL.canParse(origin) && new URL(origin).origin === url.origin);
  if (isNamed && isLoopbackHost(url.hostname)) return true;
  return url.protocol === 'https:' && !isForbiddenHost(url.hostname);
}

const LOCAL_NAMES = /(^|\.)(localhost|local|internal|home\.arpa)$/;

/**
 * Whether fetching from a URL's host is forbidden, in any spelling that a URL parser accepts: a literal address that
 * isn't public, a name of this computer or of a local network, or a name without a dot.
 */
export function isForbiddenHost(hostname: string): boolean {
  if (/[/?#@\\]/.test(hostname) || !URL.canParse(`https://${hostname}`)) return true;
  const host = new URL(`https://${hostname}`).hostname.replace(/\.$/, '');
  if (host.startsWith('[')) return isForbiddenAddress(host.slice(1, -1));
  if (/^[\d.]+$/.test(host)) return isForbiddenAddress(host);
  return !host.includes('.') || host.endsWith('.') || LOCAL_NAMES.test(host);
}

/** Of IPv6, only global unicast is allowed (RFC 4291 section 2.4), without the ranges for special purposes. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Ranges for special purposes in IANA's registries that `ipaddr.js` considers public. */
const ALSO_FORBIDDEN = ['2001::/23', '3fff::/20'].map((range) => ipaddr.IPv6.parseCIDR(range));

/** Whether an address (IPv4, or IPv6 without brackets) isn't a public unicast address; true for any other text. */
export function isForbiddenAddress(address: string): boolean {
  // A zone (`%eth0`) names an interface of this computer.
  if (address.includes('%') || !ipaddr.isValid(address)) return true;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return true;
  if (!(parsed instanceof ipaddr.IPv6)) return false;
  return !parsed.match(GLOBAL_UNICAST) || ALSO_FORBIDDEN.some((range) => parsed.match(range));
}
