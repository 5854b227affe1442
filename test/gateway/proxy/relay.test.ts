import { beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type Connected,
  connectTo,
  gateBefore,
  listResult,
  type Received,
  scripted,
} from '../../fixtures/mcp-server';
import { Caller, ERAS } from '../../fixtures/mcp-server-caller';
import { accountOf, callMcp, grantIdOf } from '../../fixtures/worker';

/** What the server answers to the client; to the gate's own questions before consent, nothing. */
let answer: (request: Received) => Response | Promise<Response>;
let ready = false;
const behind = scripted((request) => (ready ? answer(request) : new Response(null, { status: 400 })));
const at = gateBefore({
  one: {
    behind,
    setting: {
      title: 'The One',
      timeout: 1,
      max_list_bytes: 4096,
      tools: [{ match: 'secret', access: 'hidden' }],
    },
  },
});

let connected: Connected;
let caller: Caller;
beforeAll(async () => {
  connected = await connectTo(at, 'one');
  caller = new Caller(connected, 'one');
  ready = true;
});

const HINTS = { look: { readOnlyHint: true }, secret: undefined, mystery: undefined };
const PUBLISHED = [
  { name: 'look', annotations: { readOnlyHint: true, destructiveHint: false } },
  { name: 'mystery', annotations: { readOnlyHint: false, destructiveHint: true } },
];

const listMessage = (more: object = {}, id: unknown = 7) => ({
  jsonrpc: '2.0',
  id,
  result: listResult(HINTS, more),
});
const stream = (text: string | ReadableStream<Uint8Array>, status = 200) =>
  new Response(text, { status, headers: { 'content-type': 'text/event-stream' } });

/** The JSON of each event of a stream. */
async function eventsOf(response: Response): Promise<Record<string, unknown>[]> {
  const blocks = (await response.text()).split(/(?:\r\n|\n|\r){2}/);
  return blocks.flatMap((block) => {
    const data = block.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:'));
    return data.length === 0 ? [] : [JSON.parse(data.map((line) => line.slice(5)).join('\n'))];
  });
}

function toolsOf(message: Record<string, unknown> | undefined): unknown {
  return (message?.result as { tools?: unknown } | undefined)?.tools;
}

describe.each(ERAS)('a list of tools, in the %s era', (era) => {
  test('comes without what is hidden, with what the gate decided, and all else as it was', async () => {
    answer = () =>
      Response.json({ ...listMessage({ nextCursor: 'n', ttlMs: 5, extra: [1] }), trailing: true });
    const { body } = await caller.send({ era, method: 'tools/list' });
    expect(body).toMatchObject({ jsonrpc: '2.0', id: 7, trailing: true });
    expect(body.result).toMatchObject({ tools: PUBLISHED, nextCursor: 'n', ttlMs: 5, extra: [1] });
    expect(body.result).not.toHaveProperty('cacheScope');
    expect(body.result?.tools).toHaveLength(2);
  });

  test('is for this person alone, where the server said for whom it is', async () => {
    for (const cacheScope of ['public', 'private', 'shared']) {
      answer = () => Response.json(listMessage({ cacheScope }));
      const { body } = await caller.send({ era, method: 'tools/list' });
      expect(body.result?.cacheScope).toBe('private');
    }
  });

  test.each(['\n', '\r\n', '\r'])('is filtered in a stream of events too; line end %j', async (end) => {
    const pretty = JSON.stringify(listMessage(), null, 1).split('\n');
    const lines = [
      ': ping',
      '',
      'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"tools":["secret"]}}',
      '',
      'id: 4',
      'event: message',
      ...pretty.map((line) => `data: ${line}`),
      '',
      '',
    ];
    answer = () => stream(lines.join(end));
    const response = await caller.fetch({ era, method: 'tools/list' });
    const [progress, list] = await eventsOf(response);
    expect(progress).toMatchObject({ method: 'notifications/progress', params: { tools: ['secret'] } });
    expect(list).toMatchObject({ id: 7, result: { tools: PUBLISHED } });
    expect(toolsOf(list)).toHaveLength(2);
  });

  test('is filtered however its members are spelt, and entries that are no tools are left out', async () => {
    const odd = JSON.stringify({
      jsonrpc: '2.0',
      id: 7,
      result: { tools: [null, 7, {}, { name: 7 }, ...listResult(HINTS).tools] },
    });
    answer = () =>
      stream(`data: ${odd.replaceAll('tools', '\\u0074ools').replaceAll('secret', 's\\u0065cret')}\n\n`);
    const [list] = await eventsOf(await caller.fetch({ era, method: 'tools/list' }));
    expect(toolsOf(list)).toHaveLength(2);
  });

  test('that is an error passes as it is', async () => {
    const text = '{"jsonrpc":"2.0","id":7, "error":{"code":-32000,"message":"no tools"}}';
    answer = () => new Response(text, { headers: { 'content-type': 'application/json' } });
    expect(await (await caller.fetch({ era, method: 'tools/list' })).text()).toBe(text);
  });

  test.each(['application/json', 'text/event-stream'])('that is endless is cut off: %s', async (type) => {
    let sent = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 1024;
          controller.enqueue(new TextEncoder().encode('x'.repeat(1024)));
        },
      });
    answer = () => new Response(endless(), { headers: { 'content-type': type } });
    const response = await caller.fetch({ era, method: 'tools/list' });
    if (type === 'application/json') {
      expect(response.status).toBe(502);
      expect(await response.json()).toMatchObject({
        id: 7,
        error: { code: -32603, message: 'The server “The One” sent a list that is too large' },
      });
    } else expect(await response.text()).toContain('The server “The One” sent a list that is too large');
    expect(sent).toBeLessThan(100_000);
  });
});

test('a list that is replayed on a stream of its own is filtered', async () => {
  answer = () => stream(`id: 1\ndata: ${JSON.stringify(listMessage({}, 'earlier'))}\n\n`);
  const headers = { accept: 'text/event-stream', 'last-event-id': '0' };
  const [list] = await eventsOf(await caller.fetch({ http: 'GET', headers }));
  expect(toolsOf(list)).toHaveLength(2);
});

describe('a stream', () => {
  test('passes event by event, as soon as each is there', async () => {
    let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
    answer = () =>
      stream(
        new ReadableStream({
          start(controller) {
            feed = controller;
          },
        }),
      );
    const response = await caller.fetch();
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('retry: 3000\n');
    for (const text of ['data: 1\r\n\r\n', ': ping\n\n', 'data: 2\n\n']) {
      feed?.enqueue(new TextEncoder().encode(text));
      let got = '';
      while (got.length < text.length) got += new TextDecoder().decode((await reader?.read())?.value);
      expect(got).toBe(text);
    }
    await reader?.cancel();
  });

  test('ends at the server when the client goes, with its next byte', async () => {
    const cancelled = new Promise<void>((resolve) => {
      const pull = async (controller: ReadableStreamDefaultController) => {
        await scheduler.wait(5);
        controller.enqueue(new TextEncoder().encode(': still there\n\n'));
      };
      answer = () => stream(new ReadableStream({ pull, cancel: () => resolve() }));
    });
    const response = await caller.fetch();
    await response.body?.cancel();
    await cancelled;
  });

  const breaking = (text: string) =>
    stream(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
        pull: (controller) => controller.error(new Error('reset')),
      }),
    );

  test('that breaks off, or ends, before the answer has an error in its place', async () => {
    for (const make of [() => breaking('data: 1\n\ndata: '), () => stream('data: 1\n\n')]) {
      answer = make;
      const [, owed] = (await eventsOf(await caller.fetch({ method: 'prompts/list' }))) as object[];
      const message = 'The server “The One” broke its answer off';
      expect(owed).toEqual({ jsonrpc: '2.0', id: 7, error: { code: -32603, message } });
    }
  });

  test('that breaks off behind the answer, or has ids to come back to, has none', async () => {
    const answered = 'data: {"jsonrpc":"2.0","id":7,"result":{}}\n\n';
    answer = () => stream(answered);
    expect(await (await caller.fetch()).text()).toBe(`retry: 3000\n${answered}`);
    answer = () => breaking('event: message\nid: 5\ndata: \n\n');
    await expect((await caller.fetch()).text()).rejects.toThrow();
    answer = () => stream('id: 5\nretry: 100\ndata: \n\n');
    expect(await (await caller.fetch()).text()).toBe('retry: 3000\nid: 5\nretry: 100\ndata: \n\n');
  });

  test('may take longer than the timeout once it has begun', async () => {
    answer = ({ signal }) =>
      stream(
        new ReadableStream({
          async start(controller) {
            await scheduler.wait(1300);
            // What a network does to a stream that was called off.
            if (signal.aborted) return controller.error(signal.reason);
            controller.enqueue(new TextEncoder().encode('data: {"id":7,"result":"late"}\n\n'));
            controller.close();
          },
        }),
      );
    expect(await (await caller.fetch()).text()).toContain('late');
  });
});

test('of a server’s headers only those of the protocol come through', async () => {
  answer = () =>
    Response.json(
      {},
      {
        headers: {
          'set-cookie': 'a=b',
          'access-control-allow-origin': 'https://evil.example',
          'x-powered-by': 'behind',
          location: 'http://10.0.0.7/',
          server: 'behind',
          'retry-after': '3',
          'cache-control': 'no-store',
        },
      },
    );
  const { headers } = await caller.send();
  expect(headers.get('access-control-allow-origin')).toBe('*');
  expect([headers.get('retry-after'), headers.get('cache-control')]).toEqual(['3', 'no-store']);
  for (const name of ['set-cookie', 'x-powered-by', 'location', 'server'])
    expect(headers.has(name)).toBe(false);
});

test('a client that goes away while the server thinks is noticed by the server', async () => {
  const gone = new AbortController();
  const noticed = new Promise<void>((resolve) => {
    answer = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          resolve();
          reject(new Error('aborted'));
        });
        gone.abort();
      });
  });
  await caller.fetch({ signal: gone.signal }).catch(() => undefined);
  await noticed;
});

// The last: it ends the grant that the others use.
test('an open stream ends when the user takes the permission back, and the next request is refused', async () => {
  const cancelled = vi.fn();
  answer = () => stream(new ReadableStream({ cancel: cancelled }));
  const response = await caller.fetch({ http: 'GET', headers: { accept: 'text/event-stream' } });
  const { access_token } = connected.tokens;
  const ended = response.text();
  await scheduler.wait(50);
  expect(cancelled).not.toHaveBeenCalled();
  await accountOf(access_token).revokeGrant(grantIdOf(access_token));
  expect(await ended).toBe('retry: 3000\n');
  expect(cancelled).toHaveBeenCalled();
  expect((await callMcp(access_token, { gate: at, path: '/mcp/one', method: 'ping' })).status).toBe(401);
});
