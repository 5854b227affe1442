import { runInDurableObject } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { connectMerged, deploy, eventually, InSession } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';

const one = sessionServer({ resumable: true });
const gate = deploy({ one: { behind: one } });

test('a session stores nothing that opens a door, nothing that was said, and no session of a server', async () => {
  const ada = await connectMerged(gate, ['one'], { user: { name: 'Ada Lovelace' } });
  const session = await InSession.begin(ada, { elicitation: {} });
  const stream = await session.listen();
  const result = await session.call('one_look', 'the question');
  expect(result).toContain('the question');
  expect(await eventually(() => one.listeners() === 1)).toBe(true);
  await one.log('error', 'what the server logged');
  await stream.said('notifications/message');
  const asked = await session.open('tools/call', { name: 'one_ask', arguments: { text: 'what it asked' } });
  const { message } = await asked.said('elicitation/create');
  await session.post({
    id: message.id,
    result: { action: 'accept', content: { word: 'what was answered' } },
  });
  await asked.until((event) => event.message.result !== undefined);
  const cut = await session.open('tools/call', { name: 'one_wait', arguments: { text: 'an argument' } });

  expect(await eventually(() => cut.lastId !== '' && one.waiting() === 1)).toBe(true);

  const stored = await runInDurableObject(await session.object(), async (_, { storage }) => {
    const query =
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'";
    const tables = storage.sql.exec<{ name: string }>(query).toArray();
    const rows = tables.map(({ name }) => storage.sql.exec(`SELECT * FROM ${name}`).toArray());
    return JSON.stringify([rows, [...(await storage.list())]]);
  });
  // The search itself: what is no secret is found.
  for (const open of ['Ada Lovelace', 'one', cut.lastId.split('~')[0] ?? '']) expect(stored).toContain(open);
  const { access_token, refresh_token } = ada.tokens;
  const doors = [access_token, refresh_token, ada.code, session.id, ...one.sessions()];
  const said = ['the question', 'look: ', 'what the server logged', 'what it asked', 'what was answered'];
  for (const secret of [...doors, ...said, 'an argument', 'elicitation/create']) {
    expect(stored).not.toContain(secret);
    expect(stored).not.toContain(secret.split(':').at(-1)?.trim() || secret);
  }
  one.release();
  await cut.until((event) => event.message.result !== undefined);
  await stream.leave();
});
