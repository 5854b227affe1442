import { beforeAll, describe, expect, test } from 'vitest';
import { connectTo, gateBefore, type Received, scripted } from '../../fixtures/mcp-server';
import { Caller } from '../../fixtures/mcp-server-caller';

/* What clients hear of a server that fails. */

let answer: (request: Received) => Response | Promise<Response>;
let ready = false;
const behind = scripted((request) => (ready ? answer(request) : new Response(null, { status: 400 })));
const at = gateBefore({ one: { behind, setting: { title: 'The One', timeout: 1 } } });

let caller: Caller;
beforeAll(async () => {
  caller = new Caller(await connectTo(at, 'one'), 'one');
  ready = true;
});

describe('a server that does not answer as one should', () => {
  const html = '<html>http://10.0.0.7/internal</html>';

  test.each<[string, () => Response | Promise<Response>, number, string]>([
    [
      'a page',
      () => new Response(html, { headers: { 'content-type': 'text/html' } }),
      502,
      'gave an answer that is not MCP',
    ],
    [
      'a page with 500',
      () => new Response(html, { status: 500, headers: { 'content-type': 'text/html' } }),
      502,
      'failed',
    ],
    ['nothing', () => new Response(null), 502, 'gave an answer that is not MCP'],
    [
      'a redirect inward',
      () => Response.redirect('http://169.254.169.254/latest/meta-data', 302),
      502,
      'answered with a redirect, which is never followed',
    ],
    [
      'a redirect that keeps the method',
      () => Response.redirect('http://127.0.0.1:1/', 307),
      502,
      'answered with a redirect, which is never followed',
    ],
    [
      '401',
      () =>
        new Response('{"secret":1}', {
          status: 401,
          headers: { 'www-authenticate': 'Bearer resource_metadata="https://behind.internal"' },
        }),
      502,
      'refused the gate’s credential',
    ],
    ['403', () => new Response(null, { status: 403 }), 502, 'refused the gate’s credential'],
    ['an exception', () => Promise.reject(new Error('connect to 10.0.0.7 refused')), 502, 'can’t be reached'],
    ['silence', () => scheduler.wait(2500).then(() => new Response()), 504, 'took too long to answer'],
  ])(
    'is reported as such, by its title and never by its address: %s',
    async (_what, misbehave, status, says) => {
      answer = misbehave;
      const response = await caller.fetch({ method: 'resources/list' });
      const text = await response.text();
      expect(response.status).toBe(status);
      expect(JSON.parse(text)).toEqual({
        jsonrpc: '2.0',
        id: 7,
        error: { code: -32603, message: `The server “The One” ${says}` },
      });
      expect(response.headers.get('www-authenticate')).toBeNull();
      for (const inside of ['10.0.0.7', '169.254', '127.0.0.1', 'internal', 'BEHIND'])
        expect(text).not.toContain(inside);
    },
  );

  test.each([400, 404, 405, 409, 429])('and refuses with %s passes on its status', async (status) => {
    answer = () =>
      new Response(html, { status, headers: { 'content-type': 'text/html', 'retry-after': '7' } });
    const response = await caller.fetch({ http: 'GET' });
    expect([response.status, await response.text()]).toEqual([status, '']);
    expect(response.headers.get('retry-after')).toBe('7');
  });

  test('and fails in JSON passes on its error', async () => {
    const text = '{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"oops"}}';
    answer = () => new Response(text, { status: 500, headers: { 'content-type': 'application/json' } });
    const response = await caller.fetch();
    expect([response.status, await response.text()]).toEqual([500, text]);
  });
});
