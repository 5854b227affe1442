import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { expectInvalidGrant, watchReasons } from '../../fixtures/refusals';
import { authorize, callMcp, connect, gateWith, redeem, refresh, tokensOf } from '../../fixtures/worker';

const DAY = 86_400;

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.restoreAllMocks();
});

describe('an access token', () => {
  it('works the moment it is issued, and ends when its answer said', async () => {
    const { tokens } = await connect();
    expect(tokens.expires_in).toBe(1800);
    expect((await callMcp(tokens.access_token)).status).toBe(200);
    pass(1799);
    expect((await callMcp(tokens.access_token)).status).toBe(200);
    pass(1);
    expect((await callMcp(tokens.access_token)).status).toBe(401);
  });

  it('lives past the refresh token when the settings say so', async () => {
    const { tokens, ...authorized } = await connect({ gate: gateWith({ TOKENS: { refresh: 60 } }) });
    pass(61);
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
    expect((await callMcp(tokens.access_token)).status).toBe(200);
  });
});

describe('a sign-in that is used', () => {
  it('slides: thirty days from each refresh, for months', async () => {
    const { tokens, ...authorized } = await connect();
    let { refresh_token } = tokens;
    for (let month = 0; month < 6; month++) {
      pass(30 * DAY - 1);
      refresh_token = tokensOf(await refresh(authorized, refresh_token)).refresh_token;
    }
    pass(30 * DAY);
    const reasons = watchReasons();
    expectInvalidGrant(await refresh(authorized, refresh_token));
    expect(reasons()).toEqual(['refresh_expired']);
  });

  it('never slides past the end that the person chose, nor do its access tokens', async () => {
    const tomorrow = new Date(Date.now() + DAY * 1000).toISOString().slice(0, 10);
    const end = Date.parse(`${tomorrow}T23:59:59Z`);
    const { tokens, ...authorized } = await connect({ expires: tomorrow });
    vi.setSystemTime(end - 600_000);
    const last = tokensOf(await refresh(authorized, tokens.refresh_token));
    expect(last.expires_in).toBe(600);
    vi.setSystemTime(end - 1000);
    expect((await callMcp(last.access_token)).status).toBe(200);
    const { expires_in } = tokensOf(await refresh(authorized, last.refresh_token));
    expect(expires_in).toBe(1);
    vi.setSystemTime(end);
    expect((await callMcp(last.access_token)).status).toBe(401);
    expectInvalidGrant(await refresh(authorized, last.refresh_token));
  });

  it('ends after a year at the latest, however often it was refreshed', async () => {
    const { tokens, ...authorized } = await connect();
    let { refresh_token } = tokens;
    for (let time = 0; time < 365 * DAY - 20 * DAY; time += 20 * DAY) {
      pass(20 * DAY);
      refresh_token = tokensOf(await refresh(authorized, refresh_token)).refresh_token;
    }
    pass(20 * DAY);
    expectInvalidGrant(await refresh(authorized, refresh_token));
  });

  it("doesn't slide by a repeat, which is no refresh", async () => {
    const { tokens, ...authorized } = await connect();
    const next = tokensOf(await refresh(authorized, tokens.refresh_token));
    pass(29 * DAY);
    const again = tokensOf(await refresh(authorized, tokens.refresh_token));
    expect((await callMcp(again.access_token)).status).toBe(200);
    pass(DAY);
    const reasons = watchReasons();
    expectInvalidGrant(await refresh(authorized, next.refresh_token));
    expect(reasons()).toEqual(['refresh_expired']);
  });

  it('never gets a second life from a repeat once its refresh time is over', async () => {
    const { tokens, ...authorized } = await connect();
    await refresh(authorized, tokens.refresh_token);
    pass(30 * DAY);
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
  });
});

describe('lifetimes of a second', () => {
  const brief = gateWith({
    TOKENS: { access: 1, refresh: 1, code: 1, grace: 1, grant: 3, request: 1, flow: 1, sign_in: 1 },
  });

  it('work, although the library knows nothing below a minute', async () => {
    const authorized = await authorize({ gate: brief });
    const tokens = tokensOf(await redeem(authorized));
    expect(tokens.expires_in).toBe(1);
    expect((await callMcp(tokens.access_token)).status).toBe(200);
    const refreshed = tokensOf(await refresh(authorized, tokens.refresh_token));
    expect((await callMcp(refreshed.access_token)).status).toBe(200);
  });

  it('end when they say', async () => {
    const { tokens, ...authorized } = await connect({ gate: brief });
    pass(1);
    expect((await callMcp(tokens.access_token)).status).toBe(401);
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
    const late = await authorize({ gate: brief });
    pass(1);
    expectInvalidGrant(await redeem(late));
  });

  it('of a grant hold its tokens down to nothing', async () => {
    const { tokens, ...authorized } = await connect({ gate: gateWith({ TOKENS: { grant: 3 } }) });
    expect(tokens.expires_in).toBe(3);
    pass(2);
    expect(tokensOf(await refresh(authorized, tokens.refresh_token)).expires_in).toBe(1);
    pass(1);
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
  });
});
