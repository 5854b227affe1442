import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectAccount, type World, worldWith } from '../../fixtures/connections';
import { connectWith, realServer } from '../../fixtures/mcp-server';
import { Caller, META } from '../../fixtures/mcp-server-caller';
import { Browser } from '../../fixtures/worker';

afterEach(() => {
  vi.unstubAllGlobals();
});

const ASKS = {
  ...META,
  'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {}, url: {} } },
};

/** Where a client is, and what comes before the names of the server's tools there. */
type Place = { path: string; prefix: string };
const PLACES: Place[] = [
  { path: '/mcp', prefix: 'tools_' },
  { path: '/mcp/tools', prefix: '' },
];

/** A client there of a person who has not connected the server's account yet. */
async function unconnected({ path }: Place = { path: '/mcp', prefix: 'tools_' }) {
  const world: World = worldWith({ description: 'Sprockets and where they are.' });
  Object.assign(world.server, { behind: realServer() });
  const browser = new Browser(world.at);
  const connected = await connectWith(world.at, `${world.at.origin}${path}`, ['tools'], { browser });
  const caller = new Caller(connected, 'tools');
  const send = (method: string, params = {}, sent = {}) => caller.send({ path, method, params, ...sent });
  return { world, browser, send, connect: () => connectAccount(world, browser, 'ada') };
}

interface Result {
  tools: { name: string; description: string; annotations: object }[];
  isError?: boolean;
  content: { text: string }[];
  resultType?: string;
  inputRequests?: Record<string, { params: { url: string; mode: string } }>;
}
const resultOf = ({ body }: { body: { result?: unknown } }) => body.result as Result;

describe.each(PLACES)('at $path a server that the person has not connected', (place) => {
  const { path, prefix } = place;
  const own = path === '/mcp' ? ['whoami'] : [];

  test('shows one tool that says what it unlocks, until they do; then its own', async () => {
    const { world, send, connect } = await unconnected(place);
    const { tools } = resultOf(await send('tools/list'));
    expect(tools.map(({ name }) => name)).toEqual([...own, 'tools_connect']);
    expect(tools.at(-1)?.description).toContain('Sprockets and where they are.');
    expect(tools.at(-1)?.annotations).toMatchObject({ readOnlyHint: true, destructiveHint: false });
    expect(world.server.callers).toEqual([]);
    expect((await connect()).status).toBe(200);
    const names = resultOf(await send('tools/list')).tools.map(({ name }) => name);
    expect(names).toContain(`${prefix}look`);
    expect(names).not.toContain('tools_connect');
  });

  test('answers its connect tool with the link, and afterwards with word that it is done', async () => {
    const { world, send, connect } = await unconnected(place);
    const told = resultOf(await send('tools/call', { name: 'tools_connect' }));
    expect(told.isError).toBeUndefined();
    expect(told.content[0]?.text).toContain(`${world.at.origin}/connect/tools?ticket=`);
    await connect();
    const done = resultOf(await send('tools/call', { name: 'tools_connect' }));
    expect(done.content[0]?.text).toContain('is connected');
  });

  test('answers a call of any of its tools with the link, and the same call works once it is connected', async () => {
    const { world, send, connect } = await unconnected(place);
    const call = () => send('tools/call', { name: `${prefix}look`, arguments: { text: 'sprocket' } });
    const told = resultOf(await call());
    expect(told.isError).toBe(true);
    expect(told.content[0]?.text).toContain('/connect/tools?ticket=');
    await connect();
    expect(resultOf(await call()).content[0]?.text).toBe('look: sprocket');
    expect(new Set(world.server.callers)).toEqual(new Set(['ada']));
  });

  test('asks a client that can open links to open it, and goes on with the retry', async () => {
    const { world, send, connect } = await unconnected(place);
    const params = { name: `${prefix}look`, arguments: { text: 'sprocket' }, _meta: ASKS };
    const first = resultOf(await send('tools/call', params, { era: 'modern' }));
    expect(first.resultType).toBe('input_required');
    const [[name, request] = ['', undefined]] = Object.entries(first.inputRequests ?? {});
    expect(request?.params).toMatchObject({ mode: 'url' });
    expect(request?.params.url).toContain('/connect/tools?ticket=');
    const retry = { ...params, inputResponses: { [name]: { action: 'accept' } } };
    // Opened, and not done yet: told in words, not asked for ever.
    const early = resultOf(await send('tools/call', retry, { era: 'modern' }));
    expect(early.isError).toBe(true);
    await connect();
    const { content } = resultOf(await send('tools/call', retry, { era: 'modern' }));
    expect(content[0]?.text).toBe('look: sprocket');
    // What was asked for by the gate is no business of the server's.
    const texts = world.server.behind.received.map(({ text }) => text).join();
    expect(texts).not.toContain('inputResponses');
  });

  test('has no prompts or resources yet, and is not reported as failing', async () => {
    const { send } = await unconnected(place);
    expect((await send('resources/list')).body.result).toMatchObject({ resources: [] });
    if (path !== '/mcp') return;
    const { structuredContent } = resultOf(await send('tools/call', { name: 'whoami' })) as unknown as {
      structuredContent: object;
    };
    expect(structuredContent).not.toHaveProperty('unavailable');
  });
});

test('a provider that is away is reported: 503 with a time to retry, and the connection is kept', async () => {
  const { world, send, connect } = await unconnected();
  world.provider.expiresIn = 1;
  await connect();
  world.provider.misbehave = () => new Response('busy', { status: 503, headers: { 'retry-after': '7' } });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 5_000 });
  try {
    const { status, headers } = await send('tools/call', { name: 'tools_look', arguments: {} });
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  } finally {
    vi.useRealTimers();
  }
});
