import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import type { RecordView } from '../../../src/account/grants/records';
import { GrantStore } from '../../../src/account/grants/store';

const NOW = 1_000_000;
const CLIENT = { 'client:c': '{"clientId":"c"}' };

/** A view over an object that stores three grants, one of which has ended, and a token. */
function inView(name: string, test: (view: RecordView, store: GrantStore) => Promise<void>): Promise<void> {
  const stub = env.ACCOUNT.getByName(`${name}: no real account`);
  return runInDurableObject(stub, async (_, { storage }) => {
    const insert = 'INSERT OR REPLACE INTO records (key, value, metadata, expires_at) VALUES (?, ?, ?, ?)';
    storage.sql.exec(insert, 'grant:u:1', '{"n":1,"expiresAt":1000010}', '{"m":1}', NOW + 10);
    storage.sql.exec(insert, 'grant:u:2', '{"n":2}', null, NOW);
    storage.sql.exec(insert, 'grant:u:3', '{"n":3}', null, null);
    storage.sql.exec(insert, 'token:u:1:a', '{"n":4}', null, NOW + 1);
    const store = new GrantStore(storage, () => 'u');
    await test(store.view(NOW, CLIENT), store);
  });
}

it("shows the library its own records and the one client, and what has ended or is another's never", () =>
  inView('read', async (view) => {
    expect(await view.read('grant:u:1')).toBe('{"n":1,"expiresAt":1000010}');
    expect(await view.read('grant:u:2')).toBeUndefined();
    expect(await view.read('grant:u:3')).toBe('{"n":3}');
    expect(await view.read('token:u:1:a')).toBe('{"n":4}');
    expect(await view.read('client:c')).toBe('{"clientId":"c"}');
    expect(await view.read('client:d')).toBeUndefined();
  }));

it('shows a record as it is given for the call, and the stored one stays', () =>
  inView('shown', async (view, store) => {
    const lasting = store.view(NOW, store.grantWithoutEnd('1', NOW));
    expect(await lasting.read('grant:u:1')).toBe('{"n":1}');
    expect(lasting.writes.size).toBe(0);
    expect(await view.read('grant:u:1')).toBe('{"n":1,"expiresAt":1000010}');
    expect(store.grantWithoutEnd('2', NOW)).toEqual({});
  }));

it('keeps writes to itself until they are committed, and reads them back', () =>
  inView('writes', async (view, store) => {
    await view.write('token:u:1:b', '{"n":5}', { m: 2 });
    await view.write('grant:u:1', '{"n":6}');
    expect(await view.read('token:u:1:b')).toBe('{"n":5}');
    expect(await view.read('grant:u:1')).toBe('{"n":6}');
    expect(await store.view(NOW, {}).read('grant:u:1')).toBe('{"n":1,"expiresAt":1000010}');
    expect(view.writes.get('token:u:1:b')).toEqual({ value: '{"n":5}', metadata: '{"m":2}' });
  }));

it("refuses a write anywhere else: a client is not the object's to change", () =>
  inView('foreign', async (view) => {
    await expect(view.write('client:c', '{}')).rejects.toThrow('client:c');
    expect(view.writes.size).toBe(0);
  }));
