import { afterEach, expect, test, vi } from 'vitest';
import { connectedClient, worldWith } from '../fixtures/connections';
import { Caller } from '../fixtures/mcp-server-caller';

afterEach(() => {
  vi.unstubAllGlobals();
});

test('of a thousand interleaved calls of two users, each carries its own user’s token', async () => {
  const world = worldWith();
  // The server says whose token it saw, and the caller whose it should be.
  const fetch = world.server.behind.fetch.bind(world.server.behind);
  world.server.behind.fetch = async (request) => {
    // Before any await: others come in between.
    const text = world.server.callers.at(-1) ?? 'nobody';
    const { id } = (await request.clone().json()) as { id: unknown };
    return String(id).includes('look')
      ? Response.json({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } })
      : fetch(request);
  };
  const users = ['Alice', 'Bertrand'];
  const clients = await Promise.all(users.map((name) => connectedClient(world, name)));
  const callers = clients.map((client) => new Caller(client, 'tools'));
  const one = async (n: number) => {
    const who = n % 2;
    const { body } = (await callers[who]?.call('look', { id: `look ${n}` })) ?? { body: {} };
    const [content] = (body as { result?: { content?: { text: string }[] } }).result?.content ?? [];
    return content?.text === users[who];
  };
  const answers: boolean[] = [];
  for (let n = 0; n < 1000; n += 50) {
    answers.push(...(await Promise.all(Array.from({ length: 50 }, (_, k) => one(n + k)))));
  }
  expect(answers.filter(Boolean)).toHaveLength(1000);
  expect(world.provider.tokenRequests).toHaveLength(2);
});
