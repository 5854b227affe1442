import { afterEach, describe, expect, it, vi } from 'vitest';
import { isForbiddenAddress, isForbiddenHost, outboundFetch, responseOf } from '../src/outbound-fetch';

const options = { maxBytes: 16, timeoutMs: 30_000, statuses: 'ok' as const };
/** For a host that says nothing: it is to be given up on. */
const brief = { ...options, timeoutMs: 50 };

/** The network beyond: what answers, and what it was asked. */
function network(answer: (request: Request) => Response | Promise<Response>) {
  const asked: Request[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const request = new Request(url, init);
    asked.push(request);
    return answer(request);
  });
  return asked;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('which hosts are never fetched from', () => {
  it.each([
    'localhost',
    'LOCALHOST',
    'localhost.',
    'localhost..',
    'printer.local..',
    'api.localhost',
    'printer.local',
    'metadata.google.internal',
    'router.home.arpa',
    'intranet',
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.0.0.1.',
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.127.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.168.1.1',
    '198.19.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:a9fe:a9fe]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::8.8.8.8]',
    '[64:ff9b:1::1]',
    '[::ffff:8.8.8.8]',
    '[::ffff:0:8.8.8.8]',
    '[::8.8.8.8]',
    '[2002:808:808::1]',
    '[2001:0:808:808::1]',
    '[2001:20::1]',
    '[3fff::1]',
    '[5f00::1]',
    '[100::1]',
    '[fec0::1]',
    '192.31.196.1',
    '192.175.48.1',
    '192.88.99.1',
    '198.51.100.1',
    '203.0.113.1',
    '[2002:7f00:1::]',
    '[2001::1]',
    '[2001:db8::1]',
    '[fe80::1]',
    '[fc00::1]',
    '[fd12:3456::1]',
    '[ff02::1]',
    'example.com/path',
    'user@example.com',
    '',
  ])('forbids %s', (hostname) => {
    expect(isForbiddenHost(hostname)).toBe(true);
  });

  it.each([
    'example.com',
    'claude.ai',
    'localhost.example.com',
    'mylocal.example',
    '1.1.1.1',
    '100.128.0.1',
    '172.32.0.1',
    '[2606:4700::1111]',
    '[2a00:1450:4001::1]',
    '127.0.0.1.example.com',
  ])('allows %s', (hostname) => {
    expect(isForbiddenHost(hostname)).toBe(false);
  });

  it('tells addresses without brackets apart, and trusts nothing that is no address', () => {
    expect(isForbiddenAddress('::1')).toBe(true);
    expect(isForbiddenAddress('2606:4700::1111')).toBe(false);
    expect(isForbiddenAddress('8.8.8.8')).toBe(false);
    expect(isForbiddenAddress('example.com')).toBe(true);
    expect(isForbiddenAddress('not an address')).toBe(true);
    expect(isForbiddenAddress('2606:4700::1111%eth0')).toBe(true);
  });
});

describe('outboundFetch', () => {
  it.each([
    'http://example.com/a',
    'https://user:secret@example.com/a',
    'https://user@example.com/a',
    'https://localhost:8443/a',
    'https://10.0.0.1/a',
    'ftp://example.com/a',
    'file:///etc/passwd',
    'not a url',
  ])('asks nobody for %s', async (url) => {
    const asked = network(() => new Response('{}'));
    expect(await outboundFetch(url, options)).toEqual({ ok: false, error: { reason: 'url_forbidden' } });
    expect(asked).toEqual([]);
  });

  it('fetches from loopback only from the very host and port that is named', async () => {
    const asked = network(() => new Response('{}'));
    const loopback = {
      ...options,
      loopback: ['https://localhost:8443', 'https://10.0.0.1:8443', 'https://localhost:443'],
    };
    expect((await outboundFetch('https://localhost:8443/a', loopback)).ok).toBe(true);
    expect((await outboundFetch('https://localhost/a', loopback)).ok).toBe(true);
    expect((await outboundFetch('https://localhost:8444/a', loopback)).ok).toBe(false);
    expect((await outboundFetch('https://127.0.0.1:8443/a', loopback)).ok).toBe(false);
    expect((await outboundFetch('https://10.0.0.1:8443/a', loopback)).ok).toBe(false);
    expect((await outboundFetch('http://localhost:8443/a', loopback)).ok).toBe(false);
    expect(asked).toHaveLength(2);
  });

  it('hands over body and headers, and follows nothing by itself', async () => {
    const asked = network(() => new Response('{"a":1}', { headers: { 'cache-control': 'max-age=9' } }));
    const fetched = await outboundFetch('https://example.com/a', options, {
      headers: { accept: 'application/json' },
    });
    if (!fetched.ok) throw new Error(fetched.error.reason);
    expect(new TextDecoder().decode(fetched.value.body)).toBe('{"a":1}');
    expect(fetched.value.headers.get('cache-control')).toBe('max-age=9');
    expect(asked[0]?.redirect).toBe('manual');
    expect(asked[0]?.headers.get('accept')).toBe('application/json');
    expect(asked[0]?.headers.get('user-agent')).toBe('Gatehouse');
  });

  it.each([301, 302, 303, 307, 308])('refuses a %i instead of going where it points', async (status) => {
    const asked = network(() => new Response(null, { status, headers: { location: 'https://10.0.0.1/' } }));
    const fetched = await outboundFetch('https://example.com/a', options);
    expect(fetched).toEqual({ ok: false, error: { reason: 'redirected', detail: String(status) } });
    expect(asked).toHaveLength(1);
  });

  it.each([204, 206, 403, 404, 500])('takes no body from a %i', async (status) => {
    network(() => new Response(status === 204 ? null : '{}', { status }));
    const fetched = await outboundFetch('https://example.com/a', options);
    expect(fetched).toEqual({ ok: false, error: { reason: 'status_not_ok', detail: String(status) } });
  });

  it('stops reading at the limit, whatever the headers say, and takes a body of just that size', async () => {
    let sent = 0;
    let cancelled = false;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 8;
          controller.enqueue(new Uint8Array(8));
        },
        cancel() {
          cancelled = true;
        },
      });
    network(() => new Response(endless()));
    const fetched = await outboundFetch('https://example.com/a', options);
    expect(fetched).toMatchObject({ ok: false, error: { reason: 'too_large' } });
    expect(cancelled).toBe(true);
    expect(sent).toBeLessThan(100);

    network(() => new Response('x'.repeat(16)));
    expect(await outboundFetch('https://example.com/a', options)).toMatchObject({ ok: true });
  });

  it('gives up on a host that sends headers and then no body', async () => {
    network(() => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })));
    const fetched = await outboundFetch('https://example.com/a', brief);
    expect(fetched).toMatchObject({ ok: false, error: { reason: 'timed_out' } });
  });

  it('gives up on a host that never answers', async () => {
    network(
      (request) =>
        new Promise((_, reject) =>
          request.signal.addEventListener('abort', () => reject(request.signal.reason)),
        ),
    );
    const fetched = await outboundFetch('https://example.com/a', brief);
    expect(fetched).toMatchObject({ ok: false, error: { reason: 'timed_out' } });
  });

  it('says that a host is unreachable rather than throwing', async () => {
    network(() => {
      throw new TypeError('connection refused');
    });
    const fetched = await outboundFetch('https://example.com/a', options);
    expect(fetched).toEqual({ ok: false, error: { reason: 'unreachable', detail: 'connection refused' } });
  });

  it.each([302, 404, 500])(
    'hands over a %i where every status is an answer, and goes nowhere else',
    async (status) => {
      const headers = { location: 'https://example.org/' };
      const asked = network(() => new Response('{}', { status, headers }));
      const fetched = await outboundFetch('https://example.com/a', { ...options, statuses: 'any' });
      expect(fetched).toMatchObject({ ok: true, value: { status } });
      expect(asked).toHaveLength(1);
    },
  );

  it('reads no body where none is wanted, and sends what it is given', async () => {
    const asked = network(
      () => new Response('{"a":1}', { status: 401, headers: { 'www-authenticate': 'Bearer' } }),
    );
    const policy = { ...options, maxBytes: 0, statuses: 'any' as const };
    const fetched = await outboundFetch('https://example.com/a', policy, { method: 'POST', body: 'b' });
    expect(fetched).toMatchObject({ ok: true, value: { status: 401, body: new Uint8Array() } });
    expect([asked[0]?.method, await asked[0]?.text()]).toEqual(['POST', 'b']);
  });
});

describe('responseOf', () => {
  it('says nothing of a coding or length that the body no longer has', async () => {
    const headers = new Headers({ 'content-encoding': 'gzip', 'content-length': '2', 'retry-after': '3' });
    const response = responseOf({ status: 429, headers, body: new TextEncoder().encode('wait') });
    expect([...response.headers]).toEqual([['retry-after', '3']]);
    expect([response.status, await response.text()]).toEqual([429, 'wait']);
    expect(responseOf({ status: 204, headers, body: new Uint8Array() }).body).toBeNull();
  });
});
