import { beforeAll, expect, test, vi } from 'vitest';
import {
  connectTo,
  gateBefore,
  listResult,
  messageOf,
  type Received,
  scripted,
} from '../../fixtures/mcp-server';
import { Caller } from '../../fixtures/mcp-server-caller';
import { accountOf, grantIdOf } from '../../fixtures/worker';

/* The streams of a session: the client's own, of which a server allows one, and those of calls. */

/** The one own stream that this server allows, until it is called off. */
let own: AbortSignal | undefined;
let opened = 0;
/** How a call is answered. */
let call: (received: Received) => Response | Promise<Response>;

const events = (signal: AbortSignal, text = '') =>
  new Response(
    new ReadableStream({
      start(controller) {
        if (text) controller.enqueue(new TextEncoder().encode(text));
        signal.addEventListener('abort', () => controller.error(signal.reason), { once: true });
      },
    }),
    { headers: { 'content-type': 'text/event-stream' } },
  );

const behind = scripted((received) => {
  const { id, method } = messageOf(received);
  const { signal } = received;
  if (received.method === 'GET') {
    if (own && !own.aborted) return new Response('there is one', { status: 409 });
    own = signal;
    opened++;
    return events(signal);
  }
  if (id === undefined) return new Response(null, { status: 202 });
  const sessions: Record<string, string> = method === 'initialize' ? { 'mcp-session-id': 'its-own' } : {};
  if (method === 'tools/call') return call(received);
  const serverInfo = { name: 'x', version: '1' };
  const begun = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo };
  const result = method === 'initialize' ? begun : listResult();
  return Response.json({ jsonrpc: '2.0', id, result }, { headers: sessions });
});
const at = gateBefore({ one: { behind, setting: { timeout: 20 } } });

let caller: Caller;
let token: string;
let session: Record<string, string>;
beforeAll(async () => {
  const connected = await connectTo(at, 'one');
  token = connected.tokens.access_token;
  caller = new Caller(connected, 'one');
  const begun = await caller.send({ method: 'initialize', params: { protocolVersion: '2025-11-25' } });
  session = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '' };
});

const get = () => caller.fetch({ http: 'GET', headers: { ...session, accept: 'text/event-stream' } });
const callIn = (id: number | string) =>
  caller.fetch({ method: 'tools/call', params: { name: 'add', arguments: {} }, id, headers: session });
const PROGRESS = 'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n';
const MAYBE = 'The call may have taken effect: check that before you repeat it';

test('a newer stream of the session takes the place of the older one, whose client went unnoticed', async () => {
  const older = await get();
  expect(older.status).toBe(200);
  const ended = older.text();
  const newer = await get();
  expect([newer.status, opened]).toEqual([200, 2]);
  expect(await ended).toBe('retry: 3000\n');
  // And so does the next, though both before it are quiet.
  const last = await get();
  expect([last.status, opened]).toEqual([200, 3]);
  expect(await newer.text()).toBe('retry: 3000\n');
  await last.body?.cancel();
});

test('a server that goes on saying that it has one is heard', async () => {
  own = new AbortController().signal;
  const { status } = await get();
  expect(status).toBe(409);
  own = undefined;
});

test('the stream of a call that is cancelled ends, with an error for its id', async () => {
  for (const id of [31, 'a "text"']) {
    call = ({ signal }) => events(signal, PROGRESS);
    const answer = await callIn(id);
    const cancels = { method: 'notifications/cancelled', params: { requestId: id }, id: null };
    expect((await caller.fetch({ ...cancels, headers: session })).status).toBe(202);
    const error = {
      code: -32800,
      message: `The client cancelled the request. ${MAYBE}`,
    };
    const owed = JSON.stringify({ jsonrpc: '2.0', id, error });
    expect(await answer.text()).toBe(`retry: 3000\n${PROGRESS}event: message\ndata: ${owed}\n\n`);
  }
});

test('one that has said nothing yet ends too, and a later call of the same id is another one', async () => {
  const noticed = vi.fn();
  const begun = vi.fn();
  call = ({ signal }) => {
    begun();
    signal.addEventListener('abort', noticed);
    return new Promise(() => {});
  };
  const answer = callIn(32);
  await vi.waitFor(() => expect(begun).toHaveBeenCalled(), 20_000);
  await caller.fetch({
    method: 'notifications/cancelled',
    params: { requestId: 32 },
    id: null,
    headers: session,
  });
  const { error } = (await (await answer).json()) as { error: { code: number } };
  expect([error.code, noticed.mock.calls.length]).toEqual([-32800, 1]);
  call = async () => {
    await scheduler.wait(2500);
    return Response.json({ jsonrpc: '2.0', id: 32, result: { content: [] } });
  };
  expect(await (await callIn(32)).json()).toMatchObject({ id: 32, result: {} });
});

// The last: it ends the grant that the others use.
test('a call that is revoked while it runs gets an error for its id before its stream ends', async () => {
  call = (received) =>
    messageOf(received).id === 41 ? events(received.signal, PROGRESS) : new Promise(() => {});
  const [streaming, silent] = [callIn(41), callIn(42)];
  const text = (await streaming).text();
  await scheduler.wait(2500);
  await accountOf(token).revokeGrant(grantIdOf(token));
  const message = `The access of this app was revoked while it waited for the answer. ${MAYBE}`;
  const owed = (id: number) => ({ jsonrpc: '2.0', id, error: { code: -32000, message } });
  expect(await text).toBe(`retry: 3000\n${PROGRESS}event: message\ndata: ${JSON.stringify(owed(41))}\n\n`);
  expect(await (await silent).json()).toEqual(owed(42));
});
