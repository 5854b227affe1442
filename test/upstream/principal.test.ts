import { describe, expect, test } from 'vitest';
import {
  type Answer,
  accountOf,
  authorize,
  callMcp,
  connect,
  gate,
  gateWith,
  grantIdOf,
  redeem,
  refresh,
  revoke,
  tokensOf,
} from '../fixtures/worker';
import { ACME, acmePerson, browserOf } from '../oauth/people';

function seen({ body }: Answer): Record<string, unknown> {
  return (body.result as { structuredContent: Record<string, unknown> }).structuredContent;
}

describe('a change of settings', () => {
  test.each([
    ['viewer', 'mcp:read'],
    ['member', 'mcp:read mcp:write'],
    ['owner', 'mcp:read mcp:write mcp:destructive'],
    ['admin', 'mcp:read mcp:write mcp:destructive'],
  ])('holds the very next request to the role: %s has %s', async (role, scope) => {
    const { tokens } = await connect({ scope: ['mcp:destructive'] });
    expect(seen(await callMcp(tokens.access_token)).scope).toBe('mcp:read mcp:write mcp:destructive');
    const answer = await callMcp(tokens.access_token, { gate: gateWith({ DEFAULT_ROLE: role }) });
    expect(seen(answer)).toMatchObject({ role, scope });
  });

  test('does not give an app more than it was allowed', async () => {
    const { tokens } = await connect({ scope: ['mcp:read'] });
    const answer = await callMcp(tokens.access_token, { gate: gateWith({ DEFAULT_ROLE: 'admin' }) });
    expect(seen(answer)).toMatchObject({ role: 'admin', scope: 'mcp:read' });
  });

  test('that leaves a person without a role refuses the very next request', async () => {
    const member = gateWith({ ...ACME, DEFAULT_ROLE: 'member' });
    const browser = await browserOf(acmePerson(), member);
    const { tokens } = await connect({ browser });
    expect((await callMcp(tokens.access_token, { gate: member })).status).toBe(200);
    const refused = await callMcp(tokens.access_token, { gate: gateWith(ACME) });
    expect(refused.status).toBe(401);
    expect(refused.body.error).toBe('invalid_token');
  });
});

describe('a change of the person', () => {
  const at = gateWith({
    ...ACME,
    ROLES: JSON.stringify([
      { role: 'viewer', provider: 'acme', groups: ['staff'] },
      { role: 'owner', provider: 'acme', groups: ['leads'] },
      { role: 'member', provider: 'acme', emails: ['*@friends.example'] },
    ]),
  });

  test('in groups takes effect with the very next request, up and down and out', async () => {
    const browser = await browserOf(acmePerson({ groups: ['leads', 'staff'] }), at);
    const { tokens } = await connect({ browser, scope: ['mcp:destructive'] });
    const now = async (groups: string[]) => {
      await browserOf(acmePerson({ groups }), at);
      return callMcp(tokens.access_token, { gate: at });
    };
    expect(seen(await callMcp(tokens.access_token, { gate: at }))).toMatchObject({ role: 'owner' });
    expect(seen(await now(['staff']))).toMatchObject({ role: 'viewer', scope: 'mcp:read' });
    expect((await now(['nobody'])).status).toBe(401);
    expect(seen(await now(['leads']))).toMatchObject({ role: 'owner' });
  });

  test('to an address that is not verified loses what the verified one gave', async () => {
    const person = acmePerson({ subject: 'eve', email: 'eve@friends.example' });
    const { tokens } = await connect({ browser: await browserOf(person, at) });
    expect(seen(await callMcp(tokens.access_token, { gate: at }))).toMatchObject({ role: 'member' });
    await browserOf({ ...person, email_verified: false }, at);
    expect((await callMcp(tokens.access_token, { gate: at })).status).toBe(401);
  });
});

describe('a token', () => {
  test('works the moment it is issued, wherever it is used', async () => {
    const { tokens } = await connect();
    const paths = Array.from({ length: 10 }, (_, index) => (index % 2 ? '/' : '/mcp'));
    const answers = await Promise.all(paths.map((path) => callMcp(tokens.access_token, { path })));
    expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200));
  });

  test('that came by refresh works at once, together with the one before it', async () => {
    const connected = await connect();
    const next = tokensOf(await refresh(connected, connected.tokens.refresh_token));
    expect((await callMcp(next.access_token)).status).toBe(200);
    expect((await callMcp(connected.tokens.access_token)).status).toBe(200);
  });

  test('that a refresh narrowed carries no more than that', async () => {
    const connected = await connect({ scope: ['mcp:write'] });
    const narrow = tokensOf(await refresh(connected, connected.tokens.refresh_token, { scope: 'mcp:read' }));
    expect(seen(await callMcp(narrow.access_token)).scope).toBe('mcp:read');
  });

  test('is dead with the next request once its app revoked the refresh token', async () => {
    const connected = await connect();
    const next = tokensOf(await refresh(connected, connected.tokens.refresh_token));
    await revoke(connected, next.refresh_token);
    for (const token of [connected.tokens.access_token, next.access_token]) {
      for (const path of ['/', '/mcp']) expect((await callMcp(token, { path })).status).toBe(401);
    }
  });

  test('is dead alone once its app revoked it alone', async () => {
    const connected = await connect();
    await revoke(connected, connected.tokens.access_token);
    expect((await callMcp(connected.tokens.access_token)).status).toBe(401);
    const next = tokensOf(await refresh(connected, connected.tokens.refresh_token));
    expect((await callMcp(next.access_token)).status).toBe(200);
  });

  test('is dead with the next request once the user revoked the grant, and only that grant', async () => {
    const first = await connect();
    const second = await connect({ browser: first.browser });
    await accountOf(first.tokens.access_token).revokeGrant(grantIdOf(first.tokens.access_token));
    expect((await callMcp(first.tokens.access_token)).status).toBe(401);
    expect((await refresh(first, first.tokens.refresh_token)).body).toMatchObject({ error: 'invalid_grant' });
    expect((await callMcp(second.tokens.access_token)).status).toBe(200);
  });

  test('outlives the browser: signing out leaves the apps alone', async () => {
    const connected = await connect();
    const { browser, tokens } = connected;
    const page = await browser.visit('/sign-out', { method: 'POST', headers: { origin: gate.origin } });
    expect(page.status).toBe(200);
    expect((await callMcp(tokens.access_token)).status).toBe(200);
    expect((await refresh(connected, tokens.refresh_token)).status).toBe(200);
  });

  test('of a grant that nobody redeemed does not exist', async () => {
    const authorized = await authorize();
    expect((await callMcp(authorized.code)).status).toBe(401);
    expect((await redeem(authorized)).status).toBe(200);
  });
});
