import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bounds } from '../../src/flow/pool';
import { now, pass, startClock, stopClock } from '../fixtures/clock';

beforeEach(stopClock);
afterEach(startClock);

const BOUNDS = { perSource: 3, inAll: 10 };

/** An address of a network. */
const at = (network: string, address = '') => ({ network, source: `${network}${address}` });
const LIGHT = at('light');

/** A pool of its own, and what it answers to entries at that place. */
function pool(name: string, bounds: Bounds = BOUNDS) {
  const stub = env.PENDING_FLOW.getByName(`test pool: ${name}`);
  const enter = async (id: string, from = LIGHT, life = 900) => {
    const entered = await stub.enterPool({ id, from, expiresAt: now() + life }, bounds);
    return entered.ok ? entered.value.map((dropped) => dropped.id) : entered.error.reason;
  };
  const ids = () =>
    runInDurableObject(stub, (_, { storage }) =>
      storage.sql
        .exec<{ id: string }>('SELECT id FROM entries ORDER BY seq')
        .toArray()
        .map(({ id }) => id),
    );
  return { stub, enter, ids };
}

describe('a source with more than its share', () => {
  it('loses its own oldest, and nobody else loses anything', async () => {
    const { enter, ids } = pool('share');
    await enter('light');
    for (const id of ['a', 'b', 'c']) expect(await enter(id, at('heavy'))).toEqual([]);
    expect(await enter('d', at('heavy'))).toEqual(['a']);
    expect(await ids()).toEqual(['light', 'b', 'c', 'd']);
  });

  it('stays within it, however many come at once', async () => {
    const { enter, ids } = pool('at once');
    await Promise.all(Array.from({ length: 50 }, (_, index) => enter(`${index}`, at('heavy'))));
    expect(await ids()).toHaveLength(3);
  });

  it('gets nothing more in when all that it has is to stay', async () => {
    const { stub, enter, ids } = pool('kept');
    for (const id of ['a', 'b', 'c']) {
      await enter(id, at('heavy'));
      await stub.keepInPool(id, now() + 3600);
    }
    expect(await enter('d', at('heavy'))).toBe('pool_share_used');
    expect(await enter('light')).toEqual([]);
    await enter('e', at('other'));
    await stub.leavePool('a');
    expect(await enter('d', at('heavy'))).toEqual([]);
    expect(await enter('f', at('heavy'))).toEqual(['d']);
    expect(await ids()).toEqual(['b', 'c', 'light', 'e', 'f']);
  });
});

describe('a full pool', () => {
  it('takes from the source that has the most, its oldest, and never from a light one', async () => {
    const { enter, ids } = pool('full');
    await enter('light');
    for (let index = 0; index < 9; index++) await enter(`${index}`, at(`heavy ${index % 3}`));
    const dropped: unknown[] = [];
    for (const name of ['new', 'newer', 'newest']) dropped.push(await enter(name, at(name)));
    expect(dropped.flat().toSorted()).toEqual(['0', '1', '2']);
    expect(await ids()).toContain('light');
    expect(await ids()).toHaveLength(10);
  });

  it('where all are light takes the oldest', async () => {
    const { enter } = pool('all light');
    for (let index = 0; index < 10; index++) await enter(`${index}`, at(`light ${index}`));
    expect(await enter('new', at('new'))).toEqual(['0']);
    expect(await enter('newer', at('newer'))).toEqual(['1']);
  });

  it('takes from the network that has the most, when each of its addresses has but one', async () => {
    const { enter, ids } = pool('network');
    await enter('light');
    for (let index = 0; index < 30; index++) await enter(`${index}`, at('heavy', `:${index}`));
    expect(await enter('new', at('new'))).toEqual(['21']);
    expect(await ids()).toEqual(expect.arrayContaining(['light', 'new']));
    expect(await ids()).toHaveLength(10);
  });

  it('takes what is to stay last of all', async () => {
    const { stub, enter } = pool('kept last', { perSource: 10, inAll: 3 });
    await enter('kept', at('heavy'));
    await stub.keepInPool('kept', now() + 3600);
    await enter('pending', at('heavy'));
    await enter('light');
    expect(await enter('new', at('new'))).toEqual(['pending']);
    expect(await enter('newer', at('new'))).toEqual(['new']);
  });
});

it('what two sources entered stays while one of them has it', async () => {
  const { enter, ids } = pool('shared');
  expect(await enter('shared', at('heavy'))).toEqual([]);
  expect(await enter('shared')).toEqual([]);
  for (const id of ['a', 'b', 'c', 'd']) await enter(id, at('heavy'));
  expect((await ids()).filter((id) => id === 'shared')).toHaveLength(1);
  for (const id of ['e', 'f']) expect(await enter(id)).toEqual([]);
  expect(await enter('g')).toEqual(['shared']);
});

it('expired entries don’t count', async () => {
  const { enter, ids } = pool('over');
  for (const id of ['a', 'b', 'c']) await enter(id, LIGHT, 60);
  pass(60);
  expect(await enter('d')).toEqual([]);
  expect(await ids()).toEqual(['d']);
});

it('an object that counts, and one that was only asked, has no tables of a flow', async () => {
  const { stub, enter } = pool('tables');
  await enter('a');
  const once = env.PENDING_FLOW.getByName('once:test of tables');
  await once.claim(now() + 60);
  const nobody = env.PENDING_FLOW.getByName('a flow that never began');
  expect(await nobody.look('secret', true)).toEqual({ ok: false, error: { reason: 'flow_expired' } });
  const tables = (object: typeof stub) =>
    runInDurableObject(object, (_, { storage }) =>
      storage.sql
        .exec<{ name: string }>(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
        )
        .toArray()
        .map(({ name }) => name),
    );
  expect((await tables(stub)).toSorted()).toEqual(['entries', 'pool_schema', 'weights', 'wrong_codes']);
  expect(await tables(once)).toEqual([]);
  expect(await tables(nobody)).toEqual([]);
});
