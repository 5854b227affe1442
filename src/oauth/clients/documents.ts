import { sha256Hex } from '../../crypto';
import { writeLog } from '../../log';
import { type OutboundRefusal, outboundFetch } from '../../outbound-fetch';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { Client } from '../protocol/client';
import { DOCUMENT_FAULTS, type DocumentFault, readClientDocument } from './document-rules';
import { knownDocument, knownRedirectTemplates } from './known-clients';

export { readClientDocument };

/** The client's host gave nothing that is a client metadata document. */
export type DocumentUnavailable = OutboundRefusal | 'not_a_document';

export type ClientDocumentRefusal = Refusal<'client_id_malformed' | DocumentUnavailable | DocumentFault>;

export interface ResolvedDocument {
  client: Client;
  /** `current`: what the URL serves now, at most a day old; the others stand in for a host that failed. */
  source: 'current' | 'last_good' | 'known';
  /** When it was fetched; seconds since the epoch. Not of `known` copies. */
  fetched_at?: number;
}

/** What KV holds under `client-document:{SHA-256 of the URL}`; times in seconds since the epoch. */
interface DocumentRecord {
  url: string;
  /** Kept as it was served and parsed again each time, so that new rules and fields hold for old records. */
  good?: { document: unknown; fetched_at: number; fresh_until: number };
  /** The latest fetch, if it failed: a dead host is not asked again before `retry_after`. */
  failed?: { refusal: ClientDocumentRefusal; retry_after: number };
}

interface Deps {
  kv: KVNamespace;
  /** `host:port` on loopback that documents may come from. */
  loopbackHosts: readonly string[];
  /** Seconds since the epoch. */
  now: number;
  /** Whether a host may be asked now: others choose it, and what it is asked for. Unset: always. */
  mayAsk?: (host: string) => Promise<boolean>;
  /** Reserves space for a document that is kept under a key, until `expiresAt`; deletes the entries that it replaces. */
  makeRoom?: (key: string, expiresAt: number) => Promise<void>;
}

const MAX_BYTES = 5 * 1024;
/** Real ones have fewer than 100 characters, and what can't be fetched is remembered for a minute. */
const MAX_URL = 2048;
/** Clients give up on a token call after 10 s; this must leave them an answer. */
const TIMEOUT_MS = 5_000;
const FRESH_AT_LEAST = 300;
const FRESH_AT_MOST = 86_400;
const RETRY_AFTER = 60;
const KEPT_FOR = 90 * 86_400;

/**
 * Whether a `client_id` is the URL of a metadata document (draft-ietf-oauth-client-id-metadata-document-00
 * section 3): https with a path, without userinfo, fragment or dot segments.
 */
export function isClientDocumentUrl(client_id: string): boolean {
  // Judged as text: a URL parser would take dot segments and odd slashes away first.
  const [, authority, path] = /^https:\/\/([^/?#]+)(\/[^?#]*)(\?[^#]*)?$/.exec(client_id) ?? [];
  if (authority === undefined || path === undefined || !URL.canParse(client_id)) return false;
  if (client_id.length > MAX_URL) return false;
  if (authority.includes('@') || !/^[\x21-\x5b\x5d-\x7e]+$/.test(client_id)) return false;
  return !path.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment));
}

/**
 * The client whose id is `url`, from the document there. While the last one is fresh (its `max-age`, from
 * 5 minutes to a day) nothing is fetched. When its host fails, the last good one is used for up to 90
 * days, or else our copy of a well-known client's. Not so when the host serves a document that can't be
 * accepted: that is its owner's word, and who withdraws a redirect URI, or finds a stranger's document
 * there, must not be overruled by what it said before. Every refusal has a tag of its own, for the page.
 */
export async function resolveClientDocument(
  url: string,
  deps: Deps,
): Promise<Result<ResolvedDocument, ClientDocumentRefusal>> {
  if (!isClientDocumentUrl(url)) return refuse('client_id_malformed');
  const key = `client-document:${await sha256Hex(url)}`;
  const record = (await deps.kv.get<DocumentRecord>(key, 'json')) ?? { url };
  const lastGood = readGood(url, record);
  if (lastGood && record.good && record.good.fresh_until > deps.now) return ok(lastGood);
  if (record.failed && record.failed.retry_after > deps.now) {
    return standIn(url, record.failed.refusal, lastGood);
  }
  if ((await deps.mayAsk?.(new URL(url).host)) === false) {
    return standIn(url, { reason: 'unreachable', detail: 'its host was asked too often' }, lastGood);
  }
  const fetched = await fetchDocument(url, deps);
  if (fetched.ok) {
    const { document, client, freshFor } = fetched.value;
    await deps.makeRoom?.(key, deps.now + KEPT_FOR);
    const good = { document, fetched_at: deps.now, fresh_until: deps.now + freshFor };
    await remember(key, { url, good }, deps);
    return ok({ client, source: 'current', fetched_at: deps.now });
  }
  const failed = { refusal: fetched.error, retry_after: deps.now + RETRY_AFTER };
  const keep = record.good && !isFault(fetched.error) ? { good: record.good } : {};
  if (fetched.error.reason !== 'url_forbidden') await remember(key, { url, ...keep, failed }, deps);
  return standIn(url, fetched.error, lastGood);
}

function readGood(url: string, record: DocumentRecord): ResolvedDocument | undefined {
  const read = record.good && readClientDocument(url, record.good.document);
  if (!record.good || !read?.ok) return undefined;
  return { client: read.value, source: 'current', fetched_at: record.good.fetched_at };
}

function standIn(
  url: string,
  refusal: ClientDocumentRefusal,
  lastGood: ResolvedDocument | undefined,
): Result<ResolvedDocument, ClientDocumentRefusal> {
  if (isFault(refusal)) return { ok: false, error: refusal };
  if (lastGood) return ok({ ...lastGood, source: 'last_good' });
  const known = readClientDocument(url, knownDocument(url));
  if (!known.ok) return { ok: false, error: refusal };
  const redirect_templates = knownRedirectTemplates(url);
  return ok({ client: { ...known.value, redirect_templates }, source: 'known' });
}

function isFault(refusal: ClientDocumentRefusal): boolean {
  return DOCUMENT_FAULTS.some((fault) => fault === refusal.reason);
}

/** KV takes one write a second for a key; the loser of a race has lost nothing but the memory of it. */
async function remember(key: string, record: DocumentRecord, { kv, now }: Deps): Promise<void> {
  const keptFor = record.good ? record.good.fetched_at + KEPT_FOR - now : 0;
  const expirationTtl = Math.max(RETRY_AFTER, keptFor);
  try {
    await kv.put(key, JSON.stringify(record), { expirationTtl });
  } catch (error) {
    writeLog('warn', { event: 'client_document_not_remembered', outcome: 'failed', detail: error });
  }
}

async function fetchDocument(
  url: string,
  { loopbackHosts }: Deps,
): Promise<Result<{ document: unknown; client: Client; freshFor: number }, ClientDocumentRefusal>> {
  const loopback = loopbackHosts.map((host) => `https://${host}`);
  const policy = { maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS, statuses: 'ok', loopback } as const;
  const fetched = await outboundFetch(url, policy, { headers: { accept: 'application/json' } });
  if (!fetched.ok) return fetched;
  const document = parseJson(fetched.value.body);
  const client = readClientDocument(url, document);
  if (!client.ok) return client;
  return ok({ document, client: client.value, freshFor: freshFor(fetched.value.headers) });
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(body));
  } catch {
    return undefined;
  }
}

/** Seconds for which `Cache-Control` (RFC 9111 section 5.2.2) lets a document be used, within our bounds. */
function freshFor(headers: Headers): number {
  const cacheControl = headers.get('cache-control') ?? '';
  if (/\b(no-store|no-cache|private)\b/i.test(cacheControl)) return FRESH_AT_LEAST;
  const [, maxAge] = /(?:^|[\s,])max-age\s*=\s*"?(\d+)/i.exec(cacheControl) ?? [];
  return Math.min(FRESH_AT_MOST, Math.max(FRESH_AT_LEAST, Number(maxAge ?? 0)));
}
