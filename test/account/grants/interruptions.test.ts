import { runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Grants, type IssuerConfig, type TokenRequest } from '../../../src/account/grants/grants';
import type { Issuer, IssuerRecords } from '../../../src/account/grants/issuer';
import { GrantStore } from '../../../src/account/grants/store';
import type {
  CodeRefusalReason,
  RefreshRefusalReason,
  TokenResult,
} from '../../../src/account/grants/token-result';
import { parseSettings } from '../../../src/config/settings';
import { libraryIssuer } from '../../../src/oauth/protocol/library';
import { startClock, stopClock } from '../../fixtures/clock';
import { expectInvalidGrant } from '../../fixtures/refusals';
import {
  type Authorized,
  accountOf,
  authorize,
  callMcp,
  grantIdOf,
  redeem,
  refresh,
  revoke,
  tokensOf,
} from '../../fixtures/worker';

/*
 * The machine may stop at any await of the issuer. Each test runs the object's own rules (`Grants`) over its
 * own storage, with an issuer that is the real one up to a chosen record that it reads or writes.
 */

beforeEach(stopClock);
afterEach(startClock);

/** The issuer, with `event` before the n-th time that it reads or writes a record (the first is 1). */
function issuerWith(n: number, event: () => unknown): Issuer {
  return {
    authorize: (records, config, approval) => libraryIssuer.authorize(counted(records), config, approval),
    token: (records, config, form) => libraryIssuer.token(counted(records), config, form),
  };

  function counted(records: IssuerRecords): IssuerRecords {
    let calls = 0;
    return new Proxy(records, {
      get(target, name) {
        const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
        return async (...args: unknown[]) => {
          calls += 1;
          if (calls === n) await event();
          return method.apply(target, args);
        };
      },
    });
  }
}

function termsOf(authorized: Authorized): IssuerConfig {
  const { origin } = authorized.gate;
  return {
    origin,
    resources: [origin, `${origin}/mcp`],
    tokens: parseSettings({}).settings.tokens,
    providers: [],
    local: true,
  };
}

function presentation(authorized: Authorized, secret: string, form: Record<string, string>): TokenRequest {
  const { client_id, redirect_uri } = authorized.client;
  const grant_types = ['authorization_code', 'refresh_token'];
  const client = { client_id, redirect_uris: [redirect_uri], grant_types, response_types: ['code'] };
  return { client, grantId: grantIdOf(secret), secret, form: { redirect_uri, ...form } };
}

type Issued = TokenResult<CodeRefusalReason | RefreshRefusalReason>;

/** Presents a code, or a refresh token, to the rules of its own object with another issuer. */
function presentWith(issuer: Issuer, authorized: Authorized, refresh_token?: string): Promise<Issued> {
  const { code, code_verifier } = authorized;
  const secret = refresh_token ?? code;
  return runInDurableObject(accountOf(secret), (_, { storage }): Promise<Issued> => {
    const userId = () => secret.split(':')[0] ?? '';
    const grants = new Grants(new GrantStore(storage, userId), issuer, userId);
    const terms = termsOf(authorized);
    if (refresh_token === undefined) {
      const form = { grant_type: 'authorization_code', code, code_verifier };
      return grants.redeemCode(terms, presentation(authorized, code, form));
    }
    const form = { grant_type: 'refresh_token', refresh_token };
    return grants.rotateRefresh(terms, presentation(authorized, refresh_token, form));
  });
}

const stop = () => {
  throw new Error('the machine stops');
};

/** Stops an object as a crash does. */
async function kill(account: ReturnType<typeof accountOf>): Promise<void> {
  const killed = runInDurableObject(account, (_, state) => state.abort('the machine stops'));
  await expect(killed).rejects.toThrow('the machine stops');
}

/** Every row that says something about a principal's grants. */
function rowsOf(token: string): Promise<unknown[]> {
  return runInDurableObject(accountOf(token), (_, { storage }) =>
    ['records', 'grants', 'codes', 'rotations', 'outbox'].map((table) =>
      storage.sql.exec(`SELECT * FROM ${table}`).toArray(),
    ),
  );
}

/** Stops the issuer before each record that it reads or writes, in turn; returns before how many it can be stopped. */
async function stopEverywhere(present: (issuer: Issuer) => Promise<Issued>, token: string) {
  for (let n = 1; n < 20; n++) {
    const before = await rowsOf(token);
    let stopped = false;
    const outcome = await present(
      issuerWith(n, () => {
        stopped = true;
        stop();
      }),
    ).catch(() => undefined);
    if (!stopped) return { stops: n - 1, issued: issuedOf(outcome) };
    expect(outcome?.ok).not.toBe(true);
    expect(await rowsOf(token)).toEqual(before);
  }
  throw new Error('the issuer never came to its end');
}

/** The tokens of a result that issues some. */
function issuedOf(result: Issued | undefined) {
  if (!result?.ok) throw new Error(`nothing was issued: ${result?.error.reason}`);
  return result.value;
}

describe('an issuer that stops in the middle', () => {
  it('of a redemption leaves code and grant as they were, at whatever call it stops', async () => {
    const authorized = await authorize({ user: { name: 'Redeeming' } });
    const { stops, issued } = await stopEverywhere(
      (issuer) => presentWith(issuer, authorized),
      authorized.code,
    );
    expect(stops).toBeGreaterThanOrEqual(4);
    expect((await callMcp(issued.access_token)).status).toBe(200);
  });

  it('of a rotation leaves the refresh token as it was, at whatever call it stops', async () => {
    const authorized = await authorize({ user: { name: 'Rotating' } });
    const { refresh_token } = tokensOf(await redeem(authorized));
    const { stops, issued } = await stopEverywhere(
      (issuer) => presentWith(issuer, authorized, refresh_token),
      refresh_token,
    );
    expect(stops).toBeGreaterThanOrEqual(4);
    expect((await callMcp(issued.access_token)).status).toBe(200);
    expect((await refresh(authorized, String(issued.refresh_token))).status).toBe(200);
  });

  it('lets those who wait behind it have their turn', async () => {
    const authorized = await authorize();
    let first = true;
    const stopsOnce = issuerWith(3, () => {
      if (!first) return;
      first = false;
      stop();
    });
    const secret = authorized.code;
    const form = { grant_type: 'authorization_code', code: secret, code_verifier: authorized.code_verifier };
    const answers = await runInDurableObject(accountOf(secret), (_, { storage }) => {
      const userId = () => secret.split(':')[0] ?? '';
      const grants = new Grants(new GrantStore(storage, userId), stopsOnce, userId);
      const presented = presentation(authorized, secret, form);
      const redemptions = [1, 2, 3].map(() => grants.redeemCode(termsOf(authorized), presented));
      return Promise.all(redemptions.map((answer) => answer.catch(() => undefined)));
    });
    const given = answers.filter((answer) => answer?.ok);
    expect(given).toHaveLength(2);
    expect(given[0]).toEqual(given[1]);
  });
});

describe('a grant that is revoked while the issuer is at work on it', () => {
  it.each([1, 2, 3, 4])("isn't brought back by a rotation (revoked before its call %i)", async (n) => {
    const authorized = await authorize({ user: { name: `Revoking ${n}` } });
    const { refresh_token } = tokensOf(await redeem(authorized));
    let revoked: Promise<unknown> = Promise.resolve();
    const issuer = issuerWith(n, () => {
      revoked = revoke(authorized, refresh_token);
      return revoked;
    });
    const answer = await presentWith(issuer, authorized, refresh_token);
    await revoked;
    expect(answer).toMatchObject({ ok: false, error: { reason: 'grant_revoked_meanwhile' } });
    expectInvalidGrant(await refresh(authorized, refresh_token));
    const [records, grants, codes, rotations] = await rowsOf(refresh_token);
    expect([records, grants, codes, rotations]).toEqual([[], [], [], []]);
  });

  it("isn't brought back by a redemption", async () => {
    const authorized = await authorize({ user: { name: 'Revoking a code' } });
    const issuer = issuerWith(2, () => accountOf(authorized.code).revokeGrant(grantIdOf(authorized.code)));
    const answer = await presentWith(issuer, authorized);
    expect(answer).toMatchObject({ ok: false, error: { reason: 'grant_revoked_meanwhile' } });
    const [records, grants, codes] = await rowsOf(authorized.code);
    expect([records, grants, codes]).toEqual([[], [], []]);
  });
});

describe('a visitor who is merged into a user while the issuer is at work', () => {
  it.each([1, 2, 3, 4])('stores nothing here any more (merged before its call %i)', async (n) => {
    const authorized = await authorize({ user: { name: `Merging ${n}` } });
    const { refresh_token } = tokensOf(await redeem(authorized));
    const before = await rowsOf(refresh_token);
    const answer = await runInDurableObject(accountOf(refresh_token), async (_, { storage }) => {
      const userId = () => refresh_token.split(':')[0] ?? '';
      const intent = issuerWith(n, () =>
        storage.sql.exec("INSERT INTO moved_to VALUES (1, 'a user', 0, 0, 0)"),
      );
      const grants = new Grants(new GrantStore(storage, userId), intent, userId);
      const form = { grant_type: 'refresh_token', refresh_token };
      const presented = presentation(authorized, refresh_token, form);
      return grants
        .rotateRefresh(termsOf(authorized), presented)
        .finally(() => storage.sql.exec('DELETE FROM moved_to'));
    });
    expect(answer).toMatchObject({ ok: false, error: { reason: 'grant_revoked_meanwhile' } });
    expect(await rowsOf(refresh_token)).toEqual(before);
  });
});

describe('an object that is stopped', () => {
  it('between any two steps of a client goes on where it was', async () => {
    const authorized = await authorize();
    const account = accountOf(authorized.code);
    await kill(account);
    const tokens = tokensOf(await redeem(authorized));
    await kill(account);
    expect(tokensOf(await redeem(authorized))).toEqual(tokens);
    await kill(account);
    const next = tokensOf(await refresh(authorized, tokens.refresh_token));
    await kill(account);
    expect(tokensOf(await refresh(authorized, tokens.refresh_token))).toEqual(next);
    await kill(account);
    expect((await callMcp(next.access_token)).status).toBe(200);
    await revoke(authorized, next.refresh_token);
    await kill(account);
    expect((await callMcp(next.access_token)).status).toBe(401);
    expectInvalidGrant(await refresh(authorized, next.refresh_token));
  });

  it('in the middle of a redemption loses nothing: the client asks again', async () => {
    const authorized = await authorize();
    const account = accountOf(authorized.code);
    const lost = runInDurableObject(account, (_, state) => {
      const userId = () => authorized.code.split(':')[0] ?? '';
      const dying = issuerWith(3, () => state.abort('the machine stops'));
      const grants = new Grants(new GrantStore(state.storage, userId), dying, userId);
      const { code, code_verifier } = authorized;
      const form = { grant_type: 'authorization_code', code, code_verifier };
      return grants.redeemCode(termsOf(authorized), presentation(authorized, code, form));
    });
    await expect(lost).rejects.toThrow();
    expect((await callMcp(tokensOf(await redeem(authorized)).access_token)).status).toBe(200);
  });
});
