import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { RecordView } from '../../../src/account/grants/records';

const NOW = 1_000_000;
const CLIENT = { key: 'client:c', value: '{"clientId":"c"}' };

/** A view over an object that stores three grants, one of which has ended, and a token. */
function inView(name: string, test: (view: RecordView, sql: SqlStorage) => Promise<void>): Promise<void> {
  const stub = env.ACCOUNT.getByName(`${name}: no real account`);
  return runInDurableObject(stub, async (_, { storage }) => {
    const insert = 'INSERT OR REPLACE INTO records (key, value, metadata, expires_at) VALUES (?, ?, ?, ?)';
    storage.sql.exec(insert, 'grant:u:1', '{"n":1}', '{"m":1}', NOW + 10);
    storage.sql.exec(insert, 'grant:u:2', '{"n":2}', null, NOW);
    storage.sql.exec(insert, 'grant:u:3', '{"n":3}', null, null);
    storage.sql.exec(insert, 'token:u:1:a', '{"n":4}', null, NOW + 1);
    await test(new RecordView(storage.sql, NOW, CLIENT), storage.sql);
  });
}

it("shows the library its own records and the one client, and what has ended or is another's never", () =>
  inView('get', async (view) => {
    expect(await view.get('grant:u:1', { type: 'json' })).toEqual({ n: 1 });
    expect(await view.get('grant:u:1', 'json')).toEqual({ n: 1 });
    expect(await view.get('grant:u:1')).toBe('{"n":1}');
    expect(await view.get('grant:u:2')).toBeNull();
    expect(await view.get('client:c', 'json')).toEqual({ clientId: 'c' });
    expect(await view.get('client:d')).toBeNull();
  }));

it('lists by prefix, without what has ended, page by page', () =>
  inView('list', async (view) => {
    await view.put('grant:u:0', '{}', { expirationTtl: 60 });
    await view.delete('grant:u:3');
    expect(await view.list({ prefix: 'grant:u:' })).toEqual({
      keys: [
        { name: 'grant:u:0', expiration: NOW + 60 },
        { name: 'grant:u:1', expiration: NOW + 10, metadata: { m: 1 } },
      ],
      list_complete: true,
      cacheStatus: null,
    });
    const names: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await view.list({ limit: 1, cursor });
      names.push(...page.keys.map((key) => key.name));
      if (page.list_complete) break;
      cursor = page.cursor ?? '';
    }
    expect(names).toEqual(['grant:u:0', 'grant:u:1', 'token:u:1:a']);
  }));

it('keeps writes to itself until they are committed, and reads them back', () =>
  inView('writes', async (view, sql) => {
    await view.put('token:u:1:b', '{"n":5}', { expiration: NOW + 5, metadata: { m: 2 } });
    await view.delete('grant:u:1');
    expect(await view.get('token:u:1:b', 'json')).toEqual({ n: 5 });
    expect(await view.get('grant:u:1')).toBeNull();
    expect(await new RecordView(sql, NOW, undefined).get('grant:u:1', 'json')).toEqual({ n: 1 });
    expect(view.writes.get('token:u:1:b')).toEqual({
      value: '{"n":5}',
      metadata: '{"m":2}',
      expires_at: NOW + 5,
    });
  }));

it("refuses a write anywhere else: a client is not the object's to change", () =>
  inView('foreign', async (view) => {
    await expect(view.put('client:c', '{}')).rejects.toThrow('client:c');
    await expect(view.delete('client:c')).rejects.toThrow('client:c');
    expect(view.writes.size).toBe(0);
  }));
