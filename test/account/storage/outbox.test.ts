import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AccountObject } from '../../../src/account/account';
import { Outbox } from '../../../src/account/storage/outbox';
import { oauthConnector } from '../../../src/connections/client/provider';
import { libraryIssuer } from '../../../src/oauth/protocol/library';
import { askAgain } from '../../../src/sign-in/oidc-again';
import { now, pass, startClock, stopClock } from '../../fixtures/clock';
import {
  accountOf,
  authorize,
  connect,
  gateWith,
  redeem,
  refresh,
  revoke,
  tokensOf,
} from '../../fixtures/worker';

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.restoreAllMocks();
});

/** The copies of one principal's grants and tokens in KV, the names without their hashes. */
async function copies(token: string) {
  const userId = token.split(':')[0];
  const lists = await Promise.all(
    ['grant', 'token'].map((kind) => env.OAUTH_KV.list({ prefix: `${kind}:${userId}:` })),
  );
  return lists.flatMap(({ keys }) => keys).map(({ name, expiration }) => [name.split(':')[0], expiration]);
}

/** How many changes wait for their copy. */
function waiting(token: string): Promise<number> {
  return runInDurableObject(
    accountOf(token),
    (_, { storage }) => storage.sql.exec('SELECT seq FROM outbox').toArray().length,
  );
}

describe('the copy in KV', () => {
  it('holds grants and tokens in the layout of the library, with their own ends', async () => {
    const { tokens } = await connect({ user: { name: 'Copied' } });
    expect(await copies(tokens.access_token)).toEqual([]);
    expect(await runDurableObjectAlarm(accountOf(tokens.access_token))).toBe(true);
    expect(await copies(tokens.access_token)).toEqual([
      ['grant', now() + 30 * 86_400],
      ['token', now() + 1800],
    ]);
    const [userId, grantId] = tokens.access_token.split(':');
    const grant = await env.OAUTH_KV.get<Record<string, unknown>>(`grant:${userId}:${grantId}`, 'json');
    expect(grant).toMatchObject({ id: grantId, userId, expiresAt: now() + 30 * 86_400 });
    expect(await waiting(tokens.access_token)).toBe(0);
  });

  it('ends when the person said, if that comes first', async () => {
    const { tokens, ...authorized } = await connect({
      user: { name: 'Limited' },
      gate: gateWith({ TOKENS: { grant: 7200, access: 3600 } }),
    });
    const end = now() + 7200;
    pass(5400);
    await refresh(authorized, tokens.refresh_token);
    await runDurableObjectAlarm(accountOf(tokens.access_token));
    expect(await copies(tokens.access_token)).toEqual([
      ['grant', end],
      ['token', end],
    ]);
  });

  it('follows a refresh and a revocation', async () => {
    const { tokens, ...authorized } = await connect({ user: { name: 'Followed' } });
    const account = accountOf(tokens.access_token);
    await runDurableObjectAlarm(account);
    pass(60);
    const next = tokensOf(await refresh(authorized, tokens.refresh_token));
    await runDurableObjectAlarm(account);
    const ends = [now() - 60 + 1800, now() + 1800].map((end) => ['token', end]);
    const found = await copies(tokens.access_token);
    expect(found).toHaveLength(3);
    expect(found).toEqual(expect.arrayContaining([['grant', now() + 30 * 86_400], ...ends]));

    await revoke(authorized, next.access_token);
    await runDurableObjectAlarm(account);
    expect(await copies(tokens.access_token)).toHaveLength(2);
    await revoke(authorized, next.refresh_token);
    await runDurableObjectAlarm(account);
    expect(await copies(tokens.access_token)).toEqual([]);
  });

  it('never shows a grant that was revoked before it was copied', async () => {
    const { tokens, ...authorized } = await connect({ user: { name: 'Hasty' } });
    await revoke(authorized, tokens.refresh_token);
    await runDurableObjectAlarm(accountOf(tokens.access_token));
    expect(await copies(tokens.access_token)).toEqual([]);
  });

  it('decides about nothing: tokens work with an empty KV, and a copy brought back revives none', async () => {
    const { tokens, ...authorized } = await connect({ user: { name: 'Independent' } });
    const account = accountOf(tokens.access_token);
    await runDurableObjectAlarm(account);
    const [userId, grantId] = tokens.access_token.split(':');
    const name = `grant:${userId}:${grantId}`;
    const copy = await env.OAUTH_KV.get(name);
    await env.OAUTH_KV.delete(name);
    const next = tokensOf(await refresh(authorized, tokens.refresh_token));
    await revoke(authorized, next.refresh_token);
    await env.OAUTH_KV.put(name, copy ?? '');
    expect((await refresh(authorized, next.refresh_token)).status).toBe(400);
  });
});

describe('the outbox', () => {
  it('keeps everything while KV fails, and copies it in order once KV is back', async () => {
    const { tokens } = await connect({ user: { name: 'Patient' } });
    const account = accountOf(tokens.access_token);
    const before = await waiting(tokens.access_token);
    await runInDurableObject(account, async (_, { storage }) => {
      const failing = { put: async () => Promise.reject(new Error('KV PUT failed: 503')) };
      const outbox = new Outbox(storage.sql, failing as unknown as KVNamespace);
      await expect(outbox.flush(now())).rejects.toThrow('503');
      expect(outbox.waiting).toBe(true);
    });
    expect(await waiting(tokens.access_token)).toBe(before);
    await runDurableObjectAlarm(account);
    expect(await copies(tokens.access_token)).toHaveLength(2);
    expect(await waiting(tokens.access_token)).toBe(0);
  });

  it('copies what was written while it copied', async () => {
    const { tokens } = await connect({ user: { name: 'Busy' } });
    await runInDurableObject(accountOf(tokens.access_token), async (_, { storage }) => {
      const written: string[] = [];
      const late = () => storage.sql.exec("INSERT INTO outbox (key, value) VALUES ('token:late', NULL)");
      const kv = {
        put: async (key: string) => {
          if (written.length === 0) late();
          written.push(key);
        },
        delete: async (key: string) => {
          written.push(key);
        },
      };
      await new Outbox(storage.sql, kv as unknown as KVNamespace).flush(now());
      expect(written.at(-1)).toBe('token:late');
    });
  });

  it('tries again by itself however long KV is away: the runtime gives up on an alarm that throws', async () => {
    const { tokens } = await connect({ user: { name: 'Persistent' } });
    const account = accountOf(tokens.access_token);
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await runInDurableObject(account, async (_, state) => {
      const down = { put: async () => Promise.reject(new Error('KV PUT failed: 503')) };
      const collaborators = { issuer: libraryIssuer, connector: oauthConnector, askProvider: askAgain };
      const withoutKv = { ...env, OAUTH_KV: down as unknown as KVNamespace };
      const cut = new AccountObject(state, withoutKv, collaborators);
      for (let attempt = 0; attempt < 10; attempt++) {
        await state.storage.deleteAlarm();
        await cut.alarm();
        expect(await state.storage.getAlarm()).toBeGreaterThan(Date.now());
      }
    });
    expect(String(error.mock.lastCall?.[0])).toContain('503');
    expect(await runDurableObjectAlarm(account)).toBe(true);
    expect(await copies(tokens.access_token)).toHaveLength(2);
  });

  it("isn't held up by a grant that outlives what KV can count to", async () => {
    const forever = gateWith({ TOKENS: { refresh: 2_000_000_000, grant: 2_000_000_000 } });
    const { tokens } = await connect({ user: { name: 'Forever' }, gate: forever });
    expect(await runDurableObjectAlarm(accountOf(tokens.access_token))).toBe(true);
    expect(await waiting(tokens.access_token)).toBe(0);
    expect(await copies(tokens.access_token)).toEqual([
      ['grant', 2 ** 31 - 1],
      ['token', now() + 1800],
    ]);
  });

  it('copies long queues, each key once in its newest state', async () => {
    const { tokens } = await connect({ user: { name: 'Long' } });
    await runInDurableObject(accountOf(tokens.access_token), async (_, { storage }) => {
      storage.sql.exec('DELETE FROM outbox');
      for (let change = 0; change < 120; change++) {
        const query = 'INSERT INTO outbox (key, value, expires_at) VALUES (?, ?, ?)';
        storage.sql.exec(query, `token:${change % 3}`, String(change), now() + 10);
      }
      const store = new Map<string, { value: string; expiration: number | undefined }>();
      const kv = {
        put: async (key: string, value: string, { expiration }: KVNamespacePutOptions) => {
          store.set(key, { value, expiration });
        },
      };
      await new Outbox(storage.sql, kv as unknown as KVNamespace).flush(now());
      expect(storage.sql.exec('SELECT seq FROM outbox').toArray()).toEqual([]);
      // KV refuses an end within a minute.
      const expiration = now() + 65;
      expect(Object.fromEntries(store)).toEqual({
        'token:0': { value: '117', expiration },
        'token:1': { value: '118', expiration },
        'token:2': { value: '119', expiration },
      });
    });
  });
});

describe('the alarm', () => {
  const tables = ['records', 'grants', 'codes', 'rotations', 'sign_ins', 'outbox'];
  const counts = (token: string) =>
    runInDurableObject(accountOf(token), (_, { storage }) =>
      tables.map((table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray().length),
    );

  it('removes a code that nobody redeemed, with its grant, and the copy of it', async () => {
    const { code } = await authorize({ user: { name: 'Forgetful' } });
    const account = accountOf(code);
    await runDurableObjectAlarm(account);
    pass(2 * 3600);
    expect(await runDurableObjectAlarm(account)).toBe(true);
    expect(await counts(code)).toEqual([0, 0, 0, 0, 1, 0]);
    expect(await copies(code)).toEqual([]);
  });

  it('removes in the end everything of a sign-in that nobody uses any more, and rings no more', async () => {
    const authorized = await authorize({ user: { name: 'Gone' } });
    const tokens = tokensOf(await redeem(authorized));
    await refresh(authorized, tokens.refresh_token);
    const account = accountOf(tokens.access_token);
    for (let time = 0; time < 32; time++) {
      await runDurableObjectAlarm(account);
      pass(86_400);
    }
    expect(await counts(tokens.access_token)).toEqual([0, 0, 0, 0, 0, 0]);
    await runDurableObjectAlarm(account);
    expect(await runDurableObjectAlarm(account)).toBe(false);
  });

  it('keeps what still lives', async () => {
    const { tokens, ...authorized } = await connect({ user: { name: 'Alive' } });
    pass(3600);
    await runDurableObjectAlarm(accountOf(tokens.access_token));
    expect((await refresh(authorized, tokens.refresh_token)).status).toBe(200);
  });
});
