import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { expectInvalidGrant } from '../../fixtures/refusals';
import {
  accountOf,
  authorize,
  callMcp,
  connect,
  gateWith,
  grantIdOf,
  postForm,
  redeem,
  refresh,
  registerClient,
  revoke,
  tokensOf,
} from '../../fixtures/worker';

beforeEach(stopClock);
afterEach(startClock);

async function statusOf(access_token: string): Promise<number> {
  return (await callMcp(access_token)).status;
}

describe('revoking', () => {
  it('an access token ends it for the very next request, and nothing else', async () => {
    const { tokens, ...authorized } = await connect();
    expect(await statusOf(tokens.access_token)).toBe(200);
    expect((await revoke(authorized, tokens.access_token)).status).toBe(200);
    expect(await statusOf(tokens.access_token)).toBe(401);
    const refreshed = tokensOf(await refresh(authorized, tokens.refresh_token));
    expect(await statusOf(refreshed.access_token)).toBe(200);
  });

  it('the refresh token ends the grant with all it gave, for the very next request', async () => {
    const { tokens, ...authorized } = await connect();
    const second = tokensOf(await refresh(authorized, tokens.refresh_token));
    await revoke(authorized, second.refresh_token);
    expect(await statusOf(tokens.access_token)).toBe(401);
    expect(await statusOf(second.access_token)).toBe(401);
    expectInvalidGrant(await refresh(authorized, second.refresh_token));
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
  });

  it('a refresh token that was rotated ends the grant too, since it is the same permission', async () => {
    const { tokens, ...authorized } = await connect();
    const second = tokensOf(await refresh(authorized, tokens.refresh_token));
    await revoke(authorized, tokens.refresh_token);
    expect(await statusOf(second.access_token)).toBe(401);
    expectInvalidGrant(await refresh(authorized, second.refresh_token));
  });

  it('the successor ends the grant, too, when a repeat got a new access token with it', async () => {
    const { tokens, ...authorized } = await connect();
    const second = tokensOf(await refresh(authorized, tokens.refresh_token));
    pass(86_400);
    const again = tokensOf(await refresh(authorized, tokens.refresh_token));
    expect(again.refresh_token).toBe(second.refresh_token);
    await revoke(authorized, second.refresh_token);
    expect(await statusOf(again.access_token)).toBe(401);
    expectInvalidGrant(await refresh(authorized, second.refresh_token));
  });

  it('a grant by its person ends it everywhere, codes and repeats included', async () => {
    const authorized = await authorize();
    const tokens = tokensOf(await redeem(authorized));
    const account = accountOf(tokens.access_token);
    const id = grantIdOf(tokens.access_token);
    expect((await account.listGrants()).map((grant) => grant.id)).toContain(id);
    expect(await account.revokeGrant(id)).toBe(true);
    expect(await account.revokeGrant(id)).toBe(false);
    expect(await statusOf(tokens.access_token)).toBe(401);
    expectInvalidGrant(await redeem(authorized));
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
    expect((await account.listGrants()).map((grant) => grant.id)).not.toContain(id);
  });

  it('one app of a person leaves the others alone', async () => {
    const user = { name: 'Bea' };
    const [one, two] = [await connect({ user }), await connect({ user })];
    await revoke(one, one.tokens.refresh_token);
    expect(await statusOf(one.tokens.access_token)).toBe(401);
    expect(await statusOf(two.tokens.access_token)).toBe(200);
  });

  it('is answered with 200 for a token of another client, and ends nothing', async () => {
    const { tokens, ...authorized } = await connect();
    const client = await registerClient({ client_name: 'Somebody else' });
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      expect((await revoke({ ...authorized, client }, token)).status).toBe(200);
    }
    expect(await statusOf(tokens.access_token)).toBe(200);
    expect((await refresh(authorized, tokens.refresh_token)).status).toBe(200);
  });

  it('is answered with 200 for a token that never was, and ends nothing', async () => {
    const { tokens, ...authorized } = await connect();
    expect((await revoke(authorized, `${tokens.access_token.slice(0, -4)}AAAA`)).status).toBe(200);
    expect((await revoke(authorized, 'nonsense')).status).toBe(200);
    expect(await statusOf(tokens.access_token)).toBe(200);
  });

  it('works after the sign-in of the browser has ended, and that end revokes nothing', async () => {
    const { tokens, browser, ...authorized } = await connect();
    await browser.submit({ action: '/sign-out', hidden: {}, names: [] });
    expect(browser.cookies.has('gatehouse-sign-in')).toBe(false);
    expect(await statusOf(tokens.access_token)).toBe(200);
    await revoke({ ...authorized }, tokens.refresh_token);
    expect(await statusOf(tokens.access_token)).toBe(401);
  });
});

describe('revoking while a refresh is under way', () => {
  it('leaves nothing alive, whichever comes first', async () => {
    for (let round = 0; round < 4; round++) {
      const { tokens, ...authorized } = await connect();
      const refreshes = Array.from({ length: 4 }, () => refresh(authorized, tokens.refresh_token));
      for (let turn = 0; turn < round; turn++) await Promise.resolve();
      await revoke(authorized, tokens.refresh_token);
      for (const { status, body } of await Promise.all(refreshes)) {
        if (status !== 200) continue;
        expect(await statusOf(String(body.access_token))).toBe(401);
        expectInvalidGrant(await refresh(authorized, String(body.refresh_token)));
      }
      expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
    }
  });

  it('of a code leaves nothing alive either', async () => {
    const authorized = await authorize();
    const account = accountOf(authorized.code);
    const redemptions = Array.from({ length: 4 }, () => redeem(authorized));
    await account.revokeGrant(grantIdOf(authorized.code));
    for (const { status, body } of await Promise.all(redemptions)) {
      if (status === 200) expect(await statusOf(String(body.access_token))).toBe(401);
    }
    expectInvalidGrant(await redeem(authorized));
  });
});

describe('introspection', () => {
  const confidential = gateWith({
    CLIENTS: [
      {
        client_id: 'backend',
        name: 'Backend',
        redirect_uris: ['https://backend.example/callback'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    CLIENT_BACKEND_SECRET: 'a secret of the test',
  });
  const client = { client_id: 'backend', redirect_uri: 'https://backend.example/callback' };
  const client_secret = 'a secret of the test';
  const introspect = async (token: string) =>
    (await postForm('/oauth/introspect', { client_id: 'backend', client_secret, token }, confidential)).body;

  it('tells a live token from one that was revoked, rotated or has ended, and counts as no use', async () => {
    const authorized = await authorize({ gate: confidential, client });
    const tokens = tokensOf(await redeem(authorized, { client_secret }));
    expect(await introspect(tokens.access_token)).toMatchObject({ active: true, client_id: 'backend' });
    expect(await introspect(tokens.refresh_token)).toMatchObject({ active: true });
    expect(tokensOf(await redeem(authorized, { client_secret }))).toEqual(tokens);

    const next = tokensOf(await refresh(authorized, tokens.refresh_token, { client_secret }));
    expect(await introspect(tokens.refresh_token)).toEqual({ active: false });
    expect(await introspect(next.refresh_token)).toMatchObject({ active: true });
    pass(1800);
    expect(await introspect(next.access_token)).toEqual({ active: false });
    await revoke(authorized, next.refresh_token, { client_secret });
    expect(await introspect(next.refresh_token)).toEqual({ active: false });
  });

  it('tells a client nothing about the tokens of another', async () => {
    const { tokens } = await connect();
    expect(await introspect(tokens.access_token)).toEqual({ active: false });
    expect(await introspect(tokens.refresh_token)).toEqual({ active: false });
  });
});
