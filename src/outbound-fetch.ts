import ipaddr from 'ipaddr.js';
import { isLoopbackHost } from './hosts';
import { ok, type Refusal, type Result, refuse } from './result';

/** Why {@link safeFetch} has no answer. All but `url_forbidden` mean a fault of the other side. */
export type SafeFetchRefusal =
  | 'url_forbidden'
  | 'unreachable'
  | 'timed_out'
  | 'redirected'
  | 'status_not_ok'
  | 'too_large';

export interface SafeFetchOptions {
  maxBytes: number;
  /** For headers and body together. */
  timeoutMs: number;
  accept?: string;
  /** `host:port` on loopback that may be fetched from nevertheless, for local development. */
  loopbackHosts?: readonly string[];
  /** Origins on loopback that may be reached nevertheless, also by `http:`, for local development. */
  loopbackOrigins?: readonly string[];
}

export interface Fetched {
  body: Uint8Array;
  headers: Headers;
  status: number;
}

/**
 * GETs a URL that comes from outside, by the rules of {@link safeSend}; the status must be 200.
 */
export async function safeFetch(
  url: string,
  options: SafeFetchOptions,
): Promise<Result<Fetched, Refusal<SafeFetchRefusal>>> {
  const headers = { accept: options.accept ?? '*/*' };
  const sent = await safeSend(url, { headers, onlyStatus: 200 }, options);
  if (!sent.ok || sent.value.status === 200) return sent;
  const { status } = sent.value;
  return refuse(status >= 300 && status < 400 ? 'redirected' : 'status_not_ok', String(status));
}

/**
 * Sends a request to a URL that comes from outside: https only, no userinfo, no host that {@link isForbiddenHost}
 * names, no redirects, at most `maxBytes` of the answer after decompression (0: the body isn't read), within
 * `timeoutMs`. The platform checks the addresses that public names resolve to (`global_fetch_strictly_public`).
 * `onlyStatus`: the body of an answer with another status isn't read.
 */
export async function safeSend(
  url: string,
  request: { method?: string; headers?: HeadersInit; body?: BodyInit | null; onlyStatus?: number },
  options: SafeFetchOptions,
): Promise<Result<Fetched, Refusal<SafeFetchRefusal>>> {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (!target || !mayFetch(target, options)) return refuse('url_forbidden');
  const signal = AbortSignal.timeout(options.timeoutMs);
  const { maxBytes } = options;
  const headers = new Headers(request.headers);
  // Common firewalls answer 403 to requests without a User-Agent, and Workers send none.
  headers.set('user-agent', 'Gatehouse');
  const { method = 'GET', body = null, onlyStatus } = request;
  try {
    const init = { method, headers: Object.fromEntries(headers), body, signal } as const;
    const response = await fetch(target.href, { ...init, redirect: 'manual', cache: 'no-store' });
    const { status } = response;
    const answer = { status, headers: response.headers };
    if (maxBytes === 0 || (onlyStatus !== undefined && status !== onlyStatus)) {
      await response.body?.cancel();
      return ok({ ...answer, body: new Uint8Array() });
    }
    const read = await readAtMost(maxBytes, response.body, signal);
    return read ? ok({ ...answer, body: read }) : refuse('too_large', `over ${maxBytes} bytes`);
  } catch (error) {
    if (signal.aborted) return refuse('timed_out', `after ${options.timeoutMs} ms`);
    return refuse('unreachable', error instanceof Error ? error.message : undefined);
  }
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

function mayFetch(url: URL, { loopbackHosts = [], loopbackOrigins = [] }: SafeFetchOptions): boolean {
  if (url.username || url.password) return false;
  if (isLoopbackHost(url.hostname) && loopbackOrigins.includes(url.origin)) return true;
  if (url.protocol !== 'https:') return false;
  if (!isForbiddenHost(url.hostname)) return true;
  return isLoopbackHost(url.hostname) && loopbackHosts.includes(`${url.hostname}:${url.port || '443'}`);
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
