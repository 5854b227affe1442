import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isClientDocumentUrl, resolveClientDocument } from '../../../src/oauth/clients/documents';

const url = 'https://app.example/oauth/client.json';
const minimal = { client_id: url, client_name: 'App', redirect_uris: ['https://app.example/cb'] };

describe('isClientDocumentUrl', () => {
  it.each([
    url,
    'https://app.example:8443/client.json',
    'https://app.example/c?v=1',
    'https://localhost:1/c',
  ])('takes %s for a document', (id) => expect(isClientDocumentUrl(id)).toBe(true));

  it.each([
    'http://app.example/client.json',
    'https://app.example',
    'https://app.example?x=/client.json',
    'https://user@app.example/client.json',
    'https://app.example/client.json#part',
    'https://app.example/a/../client.json',
    'https://app.example/%2e%2E/client.json',
    'https://app.example/./client.json',
    'https://app.example\\client.json',
    'https:app.example/client.json',
    ' https://app.example/client.json',
    'https://app.example/client.json\n',
    'my-registered-client',
    `https://app.example/${'a'.repeat(2048)}`,
    '',
  ])('fetches nothing for %j', (id) => expect(isClientDocumentUrl(id)).toBe(false));
});

describe('resolveClientDocument', () => {
  const start = 1_800_000_000;
  let requests = 0;
  let answer: () => Response;

  function resolve(now: number, id = url) {
    return resolveClientDocument(id, { kv: env.OAUTH_KV, loopbackHosts: [], now });
  }

  function serve(document: unknown, headers: Record<string, string> = {}) {
    answer = () => Response.json(document, { headers });
  }

  beforeEach(async () => {
    requests = 0;
    vi.stubGlobal('fetch', async () => {
      requests += 1;
      return answer();
    });
    for (const { name } of (await env.OAUTH_KV.list()).keys) await env.OAUTH_KV.delete(name);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it.each([
    ['max-age=600', 600],
    ['public, max-age="900"', 900],
    ['max-age=10', 300],
    ['max-age=31536000', 86_400],
    ['no-store', 300],
    ['no-cache, max-age=3600', 300],
    ['s-maxage=4000', 300],
    ['', 300],
  ])('asks no more while the document is fresh: with %j for %i s', async (cacheControl, freshFor) => {
    serve(minimal, { 'cache-control': cacheControl });
    expect(await resolve(start)).toMatchObject({ value: { source: 'current', fetched_at: start } });
    serve({ ...minimal, client_name: 'Renamed' });
    expect(await resolve(start + freshFor - 1)).toMatchObject({ value: { client: { name: 'App' } } });
    expect(requests).toBe(1);
    expect(await resolve(start + freshFor)).toMatchObject({ value: { client: { name: 'Renamed' } } });
    expect(requests).toBe(2);
  });

  it.each<[string, () => Response]>([
    ['answers 403', () => new Response('Forbidden', { status: 403 })],
    ['answers 404', () => new Response('{}', { status: 404 })],
    ['redirects', () => new Response(null, { status: 302, headers: { location: 'https://10.0.0.1/' } })],
    ['serves a web page', () => new Response('<!doctype html><title>Just a moment</title>')],
    ['serves an error as JSON', () => Response.json({ error: 'rate limited' })],
    ['serves more than 5 kB', () => Response.json({ ...minimal, filler: 'x'.repeat(5 * 1024) })],
    ['serves broken UTF-8', () => new Response(new Uint8Array([0x22, 0xff, 0x22]))],
    [
      'is down',
      () => {
        throw new TypeError('connection refused');
      },
    ],
  ])('keeps sign-in working with the last good copy when the host %s', async (_, failure) => {
    serve(minimal);
    await resolve(start);
    answer = failure;
    const later = await resolve(start + 1000);
    expect(later).toMatchObject({
      value: { source: 'last_good', fetched_at: start, client: { name: 'App' } },
    });
  });

  it("doesn't wait for a dead host again for a minute, and takes its word once it is back", async () => {
    serve(minimal);
    await resolve(start);
    answer = () => new Response(null, { status: 503 });
    await resolve(start + 1000);
    serve({ ...minimal, client_name: 'Renamed' });
    expect(await resolve(start + 1059)).toMatchObject({ value: { source: 'last_good' } });
    expect(requests).toBe(2);
    expect(await resolve(start + 1060)).toMatchObject({
      value: { source: 'current', client: { name: 'Renamed' } },
    });
  });

  it('tells why there is no client when there was never a good copy, without asking twice', async () => {
    answer = () => new Response(null, { status: 403 });
    const refused = { ok: false, error: { reason: 'status_not_ok', detail: '403' } };
    expect(await resolve(start)).toEqual(refused);
    expect(await resolve(start + 59)).toEqual(refused);
    expect(requests).toBe(1);
  });

  it("uses our copy of a well-known vendor's document only while the vendor's host fails", async () => {
    const claude = 'https://claude.ai/oauth/claude-code-client-metadata';
    answer = () => new Response(null, { status: 403 });
    expect(await resolve(start, claude)).toMatchObject({
      value: { source: 'known', client: { name: 'Claude Code' } },
    });
    serve({ ...minimal, client_id: claude, client_name: 'Claude Code 2' });
    expect(await resolve(start + 60, claude)).toMatchObject({
      value: { source: 'current', client: { name: 'Claude Code 2' } },
    });
  });

  it.each([
    ['client_id_mismatch', { ...minimal, client_id: 'https://bank.example/client.json' }],
    ['secret_published', { ...minimal, client_secret: 'oops' }],
    ['redirect_uris_unusable', { ...minimal, redirect_uris: ['http://app.example/cb'] }],
  ])('lets the owner of a URL overrule what it said before: %s', async (reason, document) => {
    serve(minimal);
    await resolve(start);
    serve(document);
    expect(await resolve(start + 1000)).toMatchObject({ ok: false, error: { reason } });
    expect(await resolve(start + 1001)).toMatchObject({ ok: false, error: { reason } });
    expect(requests).toBe(2);
    answer = () => new Response(null, { status: 503 });
    expect(await resolve(start + 2000)).toMatchObject({ ok: false, error: { reason: 'status_not_ok' } });
  });

  it('does not let a withdrawn redirect URI live on in a copy', async () => {
    serve({ ...minimal, redirect_uris: ['https://app.example/cb', 'https://lost.example/cb'] });
    await resolve(start);
    serve(minimal);
    expect(await resolve(start + 1000)).toMatchObject({
      value: { client: { redirect_uris: ['https://app.example/cb'] } },
    });
  });

  it('holds a document that was stored to the rules of today', async () => {
    serve(minimal);
    await resolve(start);
    const [stored] = (await env.OAUTH_KV.list({ prefix: 'client-document:' })).keys;
    const good = {
      document: { ...minimal, client_secret: 'x' },
      fetched_at: start,
      fresh_until: start + 9999,
    };
    await env.OAUTH_KV.put(stored?.name ?? '', JSON.stringify({ url, good }));
    expect(await resolve(start + 10)).toMatchObject({ value: { source: 'current' } });
    expect(requests).toBe(2);
  });

  it('keeps a good copy for 90 days and a failure for a minute, not for ever', async () => {
    const now = Math.floor(Date.now() / 1000);
    const expires = async () =>
      (await env.OAUTH_KV.list({ prefix: 'client-document:' })).keys[0]?.expiration ?? 0;
    answer = () => new Response(null, { status: 503 });
    await resolve(now);
    expect(Math.abs((await expires()) - now - 60)).toBeLessThan(5);
    serve(minimal);
    await resolve(now + 60);
    answer = () => new Response(null, { status: 503 });
    await resolve(now + 86_400);
    expect(Math.abs((await expires()) - now - 89 * 86_400)).toBeLessThan(100);
  });

  it('stores and fetches nothing for a place that is never fetched from', async () => {
    for (const id of [
      'https://10.0.0.1/client.json',
      'https://localhost:8443/client.json',
      'http://app.example/c',
    ]) {
      expect((await resolve(start, id)).ok).toBe(false);
    }
    expect(requests).toBe(0);
    expect((await env.OAUTH_KV.list()).keys).toEqual([]);
  });
});
