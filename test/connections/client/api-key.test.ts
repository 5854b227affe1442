import { afterEach, describe, expect, test, vi } from 'vitest';
import { pressConnect, signIn, statusesOf } from '../../fixtures/connections';
import { connectTo, gateBefore, messageOf, realServer, scripted } from '../../fixtures/mcp-server';
import { Caller } from '../../fixtures/mcp-server-caller';
import { accountOf, Browser, textOf } from '../../fixtures/worker';

/* A server that takes each user's own key: tried once before it is kept. */

afterEach(() => {
  vi.restoreAllMocks();
});

/** A server that takes these keys alone, in this header, and what it was sent. */
function keyed(keys: string[], header = 'authorization') {
  const real = realServer();
  return scripted(async (request) => {
    if (!keys.includes(request.headers.get(header) ?? '')) return new Response('no', { status: 401 });
    const { url, method, headers, text } = request;
    return real.fetch(new Request(url, { method, headers, ...(text === '' ? {} : { body: text }) }));
  });
}

let people = 0;
async function begin(keys: string[], setting = {}, header = 'authorization') {
  const behind = keyed(keys, header);
  const at = gateBefore({ keyed: { behind, setting: { auth: 'api_key', title: 'Keyed', ...setting } } });
  const name = `Holder ${++people}`;
  const browser = new Browser(at);
  await signIn(browser, name);
  const paste = (key: string) => pressConnect(browser, '/connect/keyed', { key });
  return { behind, at, browser, name, paste };
}

describe('a key', () => {
  test.each([
    ['bare', 'sk-1', 'Bearer sk-1', {}, 'authorization'],
    ['with a scheme of its own', 'Basic dTpw', 'Basic dTpw', {}, 'authorization'],
    ['for a header of its own', 'sk-1', 'sk-1', { header: 'X-Api-Key' }, 'x-api-key'],
    ['with white space around it', '  sk-1\n', 'Bearer sk-1', {}, 'authorization'],
  ])('(%s) is tried, kept, and sent with that user’s calls', async (_what, key, value, setting, header) => {
    const { behind, at, browser, name, paste } = await begin([value], setting, header);
    expect(textOf((await paste(key)).html)).toContain('Keyed is connected');
    expect(behind.received.some((request) => messageOf(request).method === 'tools/list')).toBe(true);
    const client = await connectTo(at, 'keyed', { browser, user: { name } });
    expect((await new Caller(client, 'keyed').call('look')).body.result?.isError).toBeUndefined();
    expect(behind.received.at(-1)?.headers.get(header)).toBe(value);
  });

  test('that the server refuses is not kept, and the page says so without showing it', async () => {
    const { browser, paste } = await begin(['Bearer right']);
    const page = await paste('sk-a-wrong-one');
    expect(page.status).toBe(400);
    expect(textOf(page.html)).toContain('rejected this key');
    expect(page.html).not.toContain('sk-a-wrong-one');
    expect(await statusesOf(browser)).toMatchObject([{ server: 'keyed', status: 'not_connected' }]);
  });

  test.each([[''], ['two\nlines'], ['ключ'], ['x'.repeat(5000)]])(
    'that no header can hold is refused untried (%#)',
    async (key) => {
      const { behind, paste } = await begin([]);
      expect((await paste(key)).status).toBe(400);
      expect(behind.received).toEqual([]);
    },
  );

  test('is not kept when the server can’t be asked', async () => {
    const at = gateBefore({
      keyed: { behind: scripted(() => new Response('down', { status: 500 })), setting: { auth: 'api_key' } },
    });
    const browser = new Browser(at);
    await signIn(browser, 'Unlucky');
    const page = await pressConnect(browser, '/connect/keyed', { key: 'sk-1' });
    expect([page.status, textOf(page.html).includes('isn’t responding')]).toEqual([400, true]);
    expect(await statusesOf(browser)).toMatchObject([{ status: 'not_connected' }]);
  });

  test('that stops working asks for another, once: it can’t be renewed', async () => {
    const keys = ['Bearer sk-1'];
    const { at, browser, name, paste } = await begin(keys);
    await paste('sk-1');
    const client = await connectTo(at, 'keyed', { browser, user: { name } });
    const caller = new Caller(client, 'keyed');
    await caller.call('look');
    keys[0] = 'Bearer sk-2';
    expect((await caller.call('look')).body.result?.isError).toBe(true);
    expect(await statusesOf(browser)).toMatchObject([
      { status: 'needs_reauthorization', reason: 'refused_by_server' },
    ]);
    await paste('sk-2');
    expect((await caller.call('look')).body.result?.isError).toBeUndefined();
  });

  test('is one user’s alone', async () => {
    const { at, browser, name, paste } = await begin(['Bearer sk-1']);
    await paste('sk-1');
    const other = await connectTo(at, 'keyed', { user: { name: 'Somebody else' } });
    expect((await new Caller(other, 'keyed').call('look')).body.result?.isError).toBe(true);
    const own = await connectTo(at, 'keyed', { browser, user: { name } });
    const { connections } = await accountOf(own.tokens.access_token).listConnections();
    expect(JSON.stringify(connections)).not.toContain('sk-1');
  });
});
