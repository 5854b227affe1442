import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Connections } from '../../../src/account/connections/connections';
import type {
  Connector,
  CredentialRequest,
  OAuthCredential,
} from '../../../src/account/connections/credential';
import { ConnectionStore } from '../../../src/account/connections/store';
import { type Keyring, makeKeyringText, parseKeyring } from '../../../src/crypto';
import { ok, refuse } from '../../../src/result';
import { pass, startClock, stopClock } from '../../fixtures/clock';

/*
 * The vault's own rules, over an object's own storage, with a provider whose every answer and a machine whose every
 * stop is chosen.
 */

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.restoreAllMocks();
});

const USER = 'user-of-the-vault';
const PLACE = 'https://tools.example/mcp';
const WANTED: CredentialRequest = {
  server: 'tools',
  auth: 'oauth',
  place: PLACE,
  header: 'Authorization',
  loopback: [],
};
const STOP = new Error('the machine stops');

function keyringOf(text: string): Keyring {
  const parsed = parseKeyring(text);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value;
}

const OLD = makeKeyringText('2026-11');
const ADDED = makeKeyringText('2026-12');
const BOTH = keyringOf(JSON.stringify({ ...JSON.parse(ADDED), ...JSON.parse(OLD) }));
const FIRST = keyringOf(OLD);
const WITHOUT = keyringOf(JSON.stringify({ ...JSON.parse(ADDED), ids: JSON.parse(OLD).ids }));

function credential(generation = 0): OAuthCredential {
  return {
    auth: 'oauth',
    server: 'tools',
    access_token: `access-${generation}`,
    refresh_token: `refresh-${generation}`,
    expires_at: Math.floor(Date.now() / 1000) + 3600,
    resource: PLACE,
    provider: { token_endpoint: 'https://auth.example/token' },
    client: { kind: 'registered', client_id: 'c', client_secret: 's' },
  };
}

/** A provider that rotates, and takes a used refresh token for theft. */
function rotatingProvider() {
  let [newest, revoked] = [0, false];
  const calls: string[] = [];
  const connector: Connector = {
    async refresh(presented) {
      calls.push(presented.refresh_token ?? '');
      if (presented.refresh_token !== `refresh-${newest}`) revoked = true;
      if (revoked) return refuse('refresh_rejected', 'invalid_grant');
      newest += 1;
      return ok(credential(newest));
    },
    revoke: async () => true,
  };
  return { connector, calls };
}

type Vault = { connections: Connections; store: ConnectionStore; logged: object[] };

/** The vault as one life of the object has it. */
function vaultOver(
  storage: DurableObjectStorage,
  connector: Connector,
  keyring: () => Promise<Keyring>,
  patience?: number,
): Vault {
  const store = new ConnectionStore(storage, () => USER);
  const logged: object[] = [];
  const log = (event: object) => void logged.push(event);
  const host = {
    userId: () => USER,
    keyring,
    connector,
    clientSecret: () => undefined,
    log,
    ...(patience && { patience }),
  };
  return { store, logged, connections: new Connections(store, host) };
}

function within<T>(name: string, run: (storage: DurableObjectStorage) => Promise<T>): Promise<T> {
  return runInDurableObject(env.ACCOUNT.getByName(name), (_, { storage }) => run(storage));
}

describe('a machine that stops in the middle of a refresh', () => {
  /** Stops at the n-th await: of the keys, the provider, or the cryptography. Returns whether it came so far. */
  async function stopAt(
    n: number,
    vault: (stops: () => Promise<void>) => Promise<unknown>,
  ): Promise<boolean> {
    let [count, stopped] = [0, false];
    const stops = async () => {
      count += 1;
      if (stopped || count !== n) return;
      stopped = true;
      throw STOP;
    };
    const spies = (['importKey', 'deriveBits', 'encrypt', 'decrypt'] as const).map((name) => {
      const real = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<unknown>;
      return vi.spyOn(crypto.subtle, name).mockImplementation(async (...args: unknown[]) => {
        await stops();
        return real(...args) as never;
      });
    });
    await vault(stops).catch(() => undefined);
    for (const spy of spies) spy.mockRestore();
    return stopped;
  }

  it('leaves the connection as before or as after, or has the person asked, and says why', async () => {
    const outcomes = new Set<string>();
    let n = 1;
    for (; n < 60; n++) {
      const { connector, calls } = rotatingProvider();
      const stopped = await within(`stopping ${n}`, async (storage) => {
        const first = vaultOver(storage, connector, async () => FIRST);
        await first.connections.connect([{ credential: credential(), place: PLACE }]);
        pass(4000);
        const dying = await stopAt(n, async (stops) => {
          const stopping: Connector = {
            ...connector,
            async refresh(...args) {
              await stops();
              const answer = await connector.refresh(...args);
              await stops();
              return answer;
            },
          };
          const keyring = async () => {
            await stops();
            return FIRST;
          };
          await vaultOver(storage, stopping, keyring).connections.credential(WANTED);
        });
        const asked = calls.length;
        const next = vaultOver(storage, connector, async () => FIRST);
        const answer = await next.connections.credential(WANTED);
        const row = next.store.find('tools');
        if (answer.ok) {
          // As before, and refreshed now; or as after, and only used.
          expect(answer.value.value).toBe('Bearer access-1');
          expect(calls).toHaveLength(1);
          outcomes.add(asked === 0 ? 'before' : 'after');
        } else {
          expect(answer.error.reason).toBe('needs_reauthorization');
          expect(row).toMatchObject({ status: 'needs_reauthorization', reason: 'refresh_answer_lost' });
          expect(next.logged).toContainEqual(expect.objectContaining({ reason: 'refresh_answer_lost' }));
          outcomes.add('asked');
        }
        return dying;
      });
      if (!stopped) break;
    }
    expect(n).toBeGreaterThan(8);
    expect(n).toBeLessThan(60);
    expect([...outcomes].sort()).toEqual(['after', 'asked', 'before']);
  });
});

describe('the keys of the vault', () => {
  async function connected(name: string) {
    const { connector } = rotatingProvider();
    return within(name, async (storage) => {
      await vaultOver(storage, connector, async () => FIRST).connections.connect([
        { credential: credential(), place: PLACE },
        { credential: { auth: 'api_key', server: 'keyed', key: 'a-key' }, place: PLACE },
      ]);
      return storage.sql.exec('SELECT sealed, key_version FROM connections').toArray();
    });
  }

  it('are one for each principal: what one account holds opens in no other', async () => {
    const [row] = await connected('one person');
    const { unseal } = await import('../../../src/crypto');
    expect((await unseal(FIRST, USER, String(row?.sealed))).ok).toBe(true);
    expect((await unseal(FIRST, 'another-user', String(row?.sealed))).ok).toBe(false);
    expect(JSON.parse(atob(String(row?.sealed).split('.')[0] ?? ''))).toMatchObject({
      kid: '2026-11',
      alg: 'dir',
      enc: 'A256GCM',
    });
  });

  it('may change: what an older one sealed can be opened, and is resealed when it is used', async () => {
    await connected('touching');
    await within('touching', async (storage) => {
      const vault = vaultOver(storage, rotatingProvider().connector, async () => BOTH);
      expect((await vault.connections.credential(WANTED)).ok).toBe(true);
      expect(vault.store.list().map(({ server, key_version }) => [server, key_version])).toEqual([
        ['keyed', '2026-11'],
        ['tools', '2026-12'],
      ]);
      expect(await vault.connections.rewrap()).toEqual({ rewrapped: 1, left: 0 });
      const later = vaultOver(storage, rotatingProvider().connector, async () => WITHOUT);
      expect(await later.connections.credential(WANTED)).toMatchObject({
        ok: true,
        value: { value: 'Bearer access-0' },
      });
      const keyed: CredentialRequest = { ...WANTED, server: 'keyed', auth: 'api_key' };
      expect(await later.connections.credential(keyed)).toMatchObject({
        ok: true,
        value: { value: 'Bearer a-key' },
      });
    });
  });

  it('if lost leave what they sealed unreadable: reported as such, listed as such, and replaced by a new connection', async () => {
    await connected('losing');
    await within('losing', async (storage) => {
      const vault = vaultOver(storage, rotatingProvider().connector, async () => WITHOUT);
      expect(await vault.connections.credential(WANTED)).toMatchObject({
        error: { reason: 'vault_unreadable' },
      });
      const { connections } = await vault.connections.list();
      expect(connections.map(({ reason }) => reason)).toEqual(['vault_unreadable', 'vault_unreadable']);
      expect(await vault.connections.rewrap()).toEqual({ rewrapped: 0, left: 2 });
      await vault.connections.connect([{ credential: credential(5), place: PLACE }]);
      expect(await vault.connections.credential(WANTED)).toMatchObject({
        value: { value: 'Bearer access-5' },
      });
    });
  });

  it('open a row for its own server alone', async () => {
    await connected('moving');
    await within('moving', async (storage) => {
      storage.sql.exec(
        "UPDATE connections SET sealed = (SELECT sealed FROM connections WHERE server = 'keyed') WHERE server = 'tools'",
      );
      const vault = vaultOver(storage, rotatingProvider().connector, async () => FIRST);
      expect(await vault.connections.credential(WANTED)).toMatchObject({
        error: { reason: 'vault_unreadable' },
      });
    });
  });
});

describe('a credential', () => {
  it('obtained for one place is not sent to another that took its name', async () => {
    const { connector, calls } = rotatingProvider();
    await within('a moved server', async (storage) => {
      const vault = vaultOver(storage, connector, async () => FIRST);
      await vault.connections.connect([{ credential: credential(), place: PLACE }]);
      const moved = { ...WANTED, place: 'https://evil.example/mcp' };
      expect(await vault.connections.credential(moved)).toMatchObject({
        error: { reason: 'needs_reauthorization', detail: 'server_moved' },
      });
      expect(await vault.connections.credential({ ...WANTED, auth: 'api_key' })).toMatchObject({
        error: { reason: 'not_connected' },
      });
      expect(calls).toEqual([]);
      expect((await vault.connections.credential(WANTED)).ok).toBe(true);
    });
  });

  it('that is connected or disconnected while it is being refreshed is not overwritten by the old one’s answer', async () => {
    await within('racing', async (storage) => {
      const { connector } = rotatingProvider();
      const slow: Connector = {
        ...connector,
        async refresh(...args) {
          await scheduler.wait(10);
          return connector.refresh(...args);
        },
      };
      const vault = vaultOver(storage, slow, async () => FIRST);
      await vault.connections.connect([{ credential: credential(), place: PLACE }]);
      pass(4000);
      const refreshed = vault.connections.credential(WANTED);
      const reconnected = vault.connections.connect([{ credential: credential(9), place: PLACE }]);
      await Promise.all([refreshed, reconnected]);
      expect(await vault.connections.credential(WANTED)).toMatchObject({
        value: { value: 'Bearer access-9' },
      });
      pass(4000);
      const again = vault.connections.credential(WANTED);
      const gone = vault.connections.disconnect('tools', []);
      await again;
      expect(await gone).toEqual({ existed: true, revoked: true });
      expect(await vault.connections.credential(WANTED)).toMatchObject({
        error: { reason: 'not_connected' },
      });
    });
  });

  it('that is still good is used while a provider hangs, and what it gives in the end is not lost', async () => {
    await within('hanging', async (storage) => {
      const { connector, calls } = rotatingProvider();
      let answer: () => void = () => undefined;
      const hanging: Connector = {
        ...connector,
        async refresh(...args) {
          await new Promise<void>((resolve) => {
            answer = resolve;
          });
          return connector.refresh(...args);
        },
      };
      const { connections } = vaultOver(storage, hanging, async () => FIRST, 20);
      await connections.connect([{ credential: credential(), place: PLACE }]);
      pass(3590);
      const both = await Promise.all([connections.credential(WANTED), connections.credential(WANTED)]);
      for (const one of both) expect(one).toMatchObject({ value: { value: 'Bearer access-0' } });
      answer();
      await scheduler.wait(5);
      expect(await connections.credential(WANTED)).toMatchObject({ value: { value: 'Bearer access-1' } });
      expect(calls).toHaveLength(1);
    });
  });

  it('several are adopted all or none', async () => {
    await within('adopting', async (storage) => {
      const vault = vaultOver(storage, rotatingProvider().connector, async () => FIRST);
      const broken = {
        auth: 'api_key',
        server: 'second',
        key: undefined as unknown as string,
        big: 1n,
      } as never;
      const both = [
        { credential: credential(), place: PLACE },
        { credential: broken, place: PLACE },
      ];
      await expect(vault.connections.connect(both)).rejects.toThrow();
      expect(vault.store.list()).toEqual([]);
    });
  });
});
