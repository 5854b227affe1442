import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectModern, connectOne, connectTwo, type FullClient } from '../fixtures/full-clients';
import { answersOf, ofServer } from '../fixtures/upstream-exchange';
import type { Upstream } from '../fixtures/upstream-http';
import type { ModernUpstream } from '../fixtures/upstream-modern';
import {
  DYNAMIC_TEXT,
  mergedNaming,
  OWN,
  useEverything,
  useItems,
  usePlainTools,
} from '../fixtures/use-everything';
import { useShop } from '../fixtures/use-shop';
import type { Gate } from './harness/gate';
import { grant } from './harness/oauth';
import { mergedGate } from './harness/shared';

/* A server with sessions (`all`) and one of the newest revision (`shop`), at one endpoint. */

const ALL = mergedNaming('all');
const SHOP = mergedNaming('shop');

let gate: Gate;
let everything: Upstream;
let shop: ModernUpstream;
let token: string;
beforeAll(async () => {
  ({ gate, everything, shop } = await mergedGate());
  const choices = { scopes: ['mcp:destructive'], servers: ['all', 'shop'] };
  const granted = await grant(gate, 'Ada', { params: { resource: endpoint() }, choices });
  token = granted.tokens.access_token;
});

const endpoint = () => `${gate.origin}/mcp`;
const way = () => ({ bearer: () => token });

function closing<T extends FullClient>(session: T): T {
  onTestFinished(() => session.client.close());
  return session;
}

/** A session in which server-everything has been spoken to, and has asked for the roots. */
async function begin<T extends FullClient>(connecting: Promise<T>): Promise<T> {
  const session = await connecting;
  onTestFinished(() => session.client.close());
  await session.client.listTools();
  await session.exchange.notified('notifications/message', 'Roots updated');
  return session;
}

const texts = (result: Record<string, unknown>) =>
  (result.content as { text: string }[]).map(({ text }) => text).join();

describe.each([
  { name: '1.x', connect: connectOne },
  { name: '2.x', connect: connectTwo },
])('the $name client in a session at /mcp', ({ connect }) => {
  test('has all of a server with sessions, as without the gate', async () => {
    // One after the other: the server keeps the files that it made in one place for all its sessions.
    const direct = await begin(connect(everything.url));
    const expected = await useEverything(direct);
    await direct.client.close();
    const merged = await begin(connect(endpoint(), way()));
    const seen = await useEverything(merged, ALL);
    expect(Object.keys(seen).length).toBeGreaterThan(20);
    expect(ofServer(seen, 'all')).toEqual(ofServer(expected));
  });

  test('also has everything of a server without sessions', async () => {
    const { client, call, exchange } = closing(await connect(endpoint(), way()));
    const { tools } = await client.listTools();
    const servers = new Set(tools.map(({ name }) => name.split('_')[0]));
    expect([...servers]).toEqual(['whoami', 'all', 'shop']);
    const found = await call('shop_find', { text: 'a hat' });
    expect(found.structuredContent).toEqual({ found: ['a hat'] });
    // What that server asks with `input_required` is asked of this client by elicitation.
    expect(texts(await call('shop_buy', { thing: 'a hat' }))).toBe('Bought a hat');
    const progress: number[] = [];
    await call('shop_pack', {}, { onprogress: (step) => progress.push(step.progress) });
    expect(progress).toEqual([1, 2, 3]);
    const uri = SHOP.uri('shop://prices');
    expect((await client.readResource({ uri })).contents).toEqual([{ uri, text: 'Cheap' }]);
    const haggled = await client.getPrompt({ name: 'shop_haggle', arguments: { thing: 'a hat' } });
    expect(JSON.stringify(haggled.messages)).toContain('Haggle over a hat');
    await client.subscribeResource({ uri });
    shop.change('shop://other');
    shop.change('shop://prices');
    await exchange.notified('notifications/resources/updated', uri);
    await exchange.times('notifications/tools/list_changed', 2);
    expect(exchange.all('notifications/resources/updated')).toHaveLength(1);
    await client.unsubscribeResource({ uri });
  });
});

describe('a client in a session at /mcp', () => {
  test('can read what a server links to, and by the URI that it has in a text', async () => {
    const { client, call } = closing(await connectOne(endpoint(), way()));
    const { content } = await call('all_get-resource-links', { count: 4 });
    const links = (content as { type: string; uri: string }[]).filter(({ type }) => type === 'resource_link');
    expect(links).toHaveLength(4);
    for (const { uri } of [...links, { uri: DYNAMIC_TEXT }]) {
      expect((await client.readResource({ uri })).contents).toMatchObject([{ uri }]);
    }
  });

  test('has one stream of its own, also after an answer that was an error', async () => {
    const { client, streams } = closing(await connectOne(endpoint(), { ...way(), persistent: true }));
    await expect(client.getPrompt({ name: 'all_nothing' })).rejects.toThrow();
    // The 1.x client takes an error for no answer, and asks again for the stream in which it came.
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(streams.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
    expect(streams.length).toBeLessThanOrEqual(2);
  });

  test('ends a call that it no longer wants, at the server too', async () => {
    const { call } = closing(await connectOne(endpoint(), way()));
    const away = new AbortController();
    const before = shop.waits.length;
    const called = call('shop_wait', {}, { signal: away.signal });
    await expect.poll(() => shop.waits.length).toBe(before + 1);
    away.abort();
    await expect(called).rejects.toThrow();
    await expect.poll(() => shop.waits.at(-1)).toBe('cancelled');
    expect(texts(await call('all_echo', { message: 'on' }))).toBe('Echo: on');
  });
});

describe('the 2.x client of revision 2026-07-28 at /mcp', () => {
  test('has all of a server of that revision, as without the gate', async () => {
    const direct = closing(await connectModern(shop.url));
    const expected = await useShop(direct, shop);
    await direct.client.close();
    const merged = closing(await connectModern(endpoint(), way()));
    const seen = await useShop(merged, shop, SHOP);
    expect(ofServer(seen, 'shop')).toEqual(ofServer(expected));
  });

  test('has of a server with sessions what needs none, as a client that can do nothing', async () => {
    const direct = closing(await connectOne(everything.url, {}, {}));
    const expected = await direct.client.listTools();
    const use = async (session: FullClient, naming = OWN) => {
      await usePlainTools(session, naming);
      await useItems(session, naming);
      return session.exchange.steps;
    };
    const answered = answersOf(await use(direct));
    await direct.client.close();
    const merged = closing(await connectModern(endpoint(), way()));
    const { tools } = await merged.client.listTools();
    const names = tools.map(({ name }) => name).filter((name) => name.startsWith('all_'));
    expect(names).toEqual(expected.tools.map(({ name }) => ALL.name(name)));
    const answers = answersOf(await use(merged, ALL), 'all');
    expect(answers).toEqual(answered);
    expect(JSON.stringify(answers)).toContain('Long running operation completed');
  });

  test('ends a call that it no longer wants, at the server too', async () => {
    const { call } = closing(await connectModern(endpoint(), way()));
    const away = new AbortController();
    const before = shop.waits.length;
    const called = call('shop_wait', {}, { signal: away.signal });
    await expect.poll(() => shop.waits.length).toBe(before + 1);
    away.abort();
    await expect(called).rejects.toThrow();
    await expect.poll(() => shop.waits.at(-1)).toBe('cancelled');
  });
});
