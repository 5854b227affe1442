import { runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import {
  accountOfUser,
  browserAs,
  callApi,
  callWith,
  keyGate,
  makeKey,
  signInBy,
  whoIn,
} from '../../fixtures/keys';
import { Browser } from '../../fixtures/worker';

beforeEach(stopClock);
afterEach(startClock);

let people = 0;
const at = keyGate();
/** Somebody new: each may make five keys in half a minute. */
const somebody = () => browserAs(`Maker ${people++}`, at);
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe('making one', () => {
  it.each([
    ['no JSON', 'nonsense', /JSON object/],
    ['a list', [], /JSON object/],
    ['no name', { name: '' }, /name/],
    ['a name of 101 characters', { name: 'x'.repeat(101) }, /name/],
    ['a name that is none', { name: 7 }, /name/],
    ['an unknown scope', { name: 'x', scope: 'mcp:everything' }, /mcp:everything/],
    ['no scope at all', { name: 'x', scope: ' ' }, /scope/],
    ['a server that is not there', { name: 'x', servers: ['nonsense'] }, /nonsense/],
    ['a server that the owner may not use', { name: 'x', servers: ['notes', 'vault'] }, /vault/],
    ['no time', { name: 'x', expires_in: 0 }, /expires_in/],
    ['a past', { name: 'x', expires_in: -60 }, /expires_in/],
    ['part of a second', { name: 'x', expires_in: 1.5 }, /expires_in/],
    ['more than TOKENS.grant', { name: 'x', expires_in: 31_536_001 }, /31536000/],
    ['a field that there is none of', { name: 'x', role: 'admin' }, /role/],
  ])('is refused for %s, and says why', async (_what, body, why) => {
    const browser = await browserAs('Picky', at);
    const answer = await callApi(browser, '/api/keys', 'POST', body);
    expect(answer.status).toBe(400);
    expect(String(answer.body.error_description)).toMatch(why);
    expect((await callApi(browser, '/api/keys')).body.items).toEqual([]);
  });

  it('is refused beyond the role', async () => {
    const viewer = keyGate({ DEFAULT_ROLE: 'viewer' });
    const browser = await browserAs('Viewer', viewer);
    expect((await callApi(browser, '/api/keys', 'POST', { name: 'x', scope: 'mcp:write' })).status).toBe(400);
    expect(await makeKey(browser)).toMatchObject({ scope: 'mcp:read' });
  });

  it('is refused for the sixth in 30 s, however many ask at once, and goes on afterwards', async () => {
    const browser = await browserAs('Hasty', at);
    const one = () => callApi(browser, '/api/keys', 'POST', { name: 'x' });
    const answers = await Promise.all(Array.from({ length: 8 }, one));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 201, 201, 429, 429, 429]);
    const late = answers.find(({ status }) => status === 429);
    expect(Number(late?.headers.get('retry-after'))).toBe(30);
    // To revoke those that were made doesn't make room sooner.
    const { body } = await callApi(browser, '/api/keys');
    for (const { id } of body.items as { id: string }[]) await callApi(browser, `/api/keys/${id}`, 'DELETE');
    pass(29);
    expect((await one()).status).toBe(429);
    pass(1);
    expect((await one()).status).toBe(201);
  });

  it('is refused for the hundred and first that stands', async () => {
    const browser = await browserAs('Collector', at);
    const { key } = await makeKey(browser);
    const account = accountOfUser(whoIn(await callWith(bearer(key), at)).user.id);
    await runInDurableObject(account, (_, { storage }) => {
      for (let i = 0; i < 99; i++) {
        storage.sql.exec(
          `INSERT INTO access_keys SELECT 'key' || ?, secret_hash, name, scope, servers, tools, created_at - 60,
           expires_at, NULL, NULL FROM access_keys WHERE created_at > ? LIMIT 1`,
          `${i}`,
          Math.floor(Date.now() / 1000) - 30,
        );
      }
    });
    expect((await callApi(browser, '/api/keys', 'POST', { name: 'x' })).status).toBe(409);
    await callApi(browser, '/api/keys/key7', 'DELETE');
    expect((await callApi(browser, '/api/keys', 'POST', { name: 'x' })).status).toBe(201);
  });

  it('is refused to a key, in whatever way it comes', async () => {
    const browser = await somebody();
    const { key } = await makeKey(browser);
    const before = (await callApi(browser, '/api/keys')).body.items as unknown[];
    for (const headers of [bearer(key), { 'x-api-key': key }] as Record<string, string>[]) {
      for (const caller of [new Browser(at), browser]) {
        expect((await callApi(caller, '/api/keys', 'POST', { name: 'x' }, headers)).status).toBe(403);
      }
    }
    const byKey = new Browser(at);
    await signInBy(byKey, { method: 'key', access_key: key });
    expect((await callApi(byKey, '/api/keys', 'POST', { name: 'x' })).status).toBe(403);
    expect(((await callApi(browser, '/api/keys')).body.items as unknown[]).length).toBe(before.length);
  });

  it('is refused to a visitor, to nobody, and to a page of another site', async () => {
    const visitor = new Browser(at);
    await signInBy(visitor, { method: 'skip', label: 'Eve' });
    expect((await callApi(visitor, '/api/keys', 'POST', { name: 'x' })).status).toBe(403);
    expect((await callApi(new Browser(at), '/api/keys', 'POST', { name: 'x' })).status).toBe(401);
    const browser = await somebody();
    const origin = 'https://evil.example';
    expect((await callApi(browser, '/api/keys', 'POST', { name: 'x' }, { origin })).status).toBe(403);
  });
});
