import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { ProviderVault } from '../../../src/account/provider/vault';
import { type Keyring, makeKeyringText, parseKeyring, unseal } from '../../../src/crypto';

function keyringOf(text: string): Keyring {
  const parsed = parseKeyring(text);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value;
}

const OLD = makeKeyringText('2026-11');
const ADDED = makeKeyringText('2026-12');
const FIRST = keyringOf(OLD);
const BOTH = keyringOf(JSON.stringify({ ...JSON.parse(ADDED), ...JSON.parse(OLD) }));
const WITHOUT = keyringOf(JSON.stringify({ ...JSON.parse(ADDED), ids: JSON.parse(OLD).ids }));

const TOKEN = { issuer: 'https://id.example', client_id: 'gate', refresh_token: 'the refresh token' };
const USER = 'somebody';

/** A vault with that token in it, sealed by the old key; `at`: the same one with other keys. */
function withToken(
  name: string,
  run: (at: (keys: Keyring) => ProviderVault, sql: SqlStorage) => Promise<void>,
) {
  return runInDurableObject(env.ACCOUNT.getByName(name), async (_, { storage }) => {
    const at = (keys: Keyring) =>
      new ProviderVault(
        storage,
        () => USER,
        async () => keys,
      );
    const vault = at(FIRST);
    vault.store.begin(await vault.seal(USER, TOKEN));
    await run(at, storage.sql);
  });
}

test('with a new master key, what the old one sealed is opened and resealed: then the old one can go', () =>
  withToken('rotated', async (at, sql) => {
    const id = at(BOTH).store.row().token_id;
    expect(await at(BOTH).rewrap()).toEqual({ rewrapped: 1, left: 0 });
    expect(await at(BOTH).rewrap()).toEqual({ rewrapped: 0, left: 0 });
    // A question that is under way still knows its token.
    expect(at(BOTH).store.row().token_id).toBe(id);
    expect(await at(WITHOUT).open(at(WITHOUT).store.row())).toEqual({ ok: true, value: TOKEN });
    // The cron finds the account by what stands in the index.
    const index = sql.exec("SELECT metadata FROM outbox WHERE key = 'connections:somebody'").toArray();
    expect(index.map(({ metadata }) => metadata)).toEqual([
      '{"key_versions":["2026-11"]}',
      '{"key_versions":["2026-12"]}',
    ]);
  }));

test('without its master key it can’t be opened, is reported as such, and stays in case the key comes back', () =>
  withToken('lost', async (at) => {
    expect(await at(WITHOUT).rewrap()).toEqual({ rewrapped: 0, left: 1 });
    expect(await at(WITHOUT).open(at(WITHOUT).store.row())).toMatchObject({
      ok: false,
      error: { reason: 'vault_unreadable' },
    });
    expect((await at(FIRST).open(at(FIRST).store.row())).ok).toBe(true);
  }));

test('it is nobody else’s, and no connection', () =>
  withToken('own', async (at) => {
    const { sealed } = at(FIRST).store.row();
    expect((await unseal(FIRST, USER, sealed ?? '')).ok).toBe(false);
    expect((await unseal(FIRST, 'sign-in-provider:somebody-else', sealed ?? '')).ok).toBe(false);
  }));

test('nothing takes the place of a token that is another’s by now', () =>
  withToken('replaced', async (at) => {
    const vault = at(FIRST);
    const before = vault.store.row();
    vault.store.begin(await vault.seal(USER, { ...TOKEN, refresh_token: 'of a new sign-in' }));
    const id = await vault.replace(before.token_id ?? '', { ...TOKEN, refresh_token: 'rotated' });
    expect(id).toBe(before.token_id);
    expect(await vault.open(vault.store.row())).toMatchObject({
      value: { refresh_token: 'of a new sign-in' },
    });
  }));
