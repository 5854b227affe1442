import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { expectInvalidGrant, watchReasons } from '../../fixtures/refusals';
import {
  authorize,
  callMcp,
  gateWith,
  makePkce,
  redeem,
  refresh,
  registerClient,
  tokensOf,
} from '../../fixtures/worker';

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.restoreAllMocks();
});

describe('a code', () => {
  it('gives twenty clients that redeem it at the same moment one token set, which stays good', async () => {
    const authorized = await authorize();
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(authorized)));
    const sets = new Set(answers.map((answer) => JSON.stringify(tokensOf(answer))));
    expect(sets.size).toBe(1);

    const [tokens] = answers.map(tokensOf);
    expect((await callMcp(tokens?.access_token ?? '')).status).toBe(200);
    const refreshed = tokensOf(await refresh(authorized, tokens?.refresh_token ?? ''));
    expect((await callMcp(refreshed.access_token)).status).toBe(200);
  });

  it('gives the same answer again within ten seconds, since the first one may have been lost', async () => {
    const authorized = await authorize();
    const first = tokensOf(await redeem(authorized));
    pass(10);
    expect(tokensOf(await redeem(authorized))).toEqual(first);
    expect((await callMcp(first.access_token)).status).toBe(200);
  });

  it('ends all it gave when it comes again after eleven seconds', async () => {
    const authorized = await authorize();
    const tokens = tokensOf(await redeem(authorized));
    pass(11);
    const reasons = watchReasons();
    expectInvalidGrant(await redeem(authorized));
    expect(reasons()).toEqual(['code_replayed']);
    expect((await callMcp(tokens.access_token)).status).toBe(401);
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
  });

  it('ends all it gave when it comes again after its access token was used', async () => {
    const authorized = await authorize();
    const tokens = tokensOf(await redeem(authorized));
    await callMcp(tokens.access_token);
    expectInvalidGrant(await redeem(authorized));
    expect((await callMcp(tokens.access_token)).status).toBe(401);
  });

  it('ends all it gave when it comes again after its refresh token was used', async () => {
    const authorized = await authorize();
    const tokens = tokensOf(await redeem(authorized));
    const refreshed = tokensOf(await refresh(authorized, tokens.refresh_token));
    expectInvalidGrant(await redeem(authorized));
    expect((await callMcp(refreshed.access_token)).status).toBe(401);
    expectInvalidGrant(await refresh(authorized, refreshed.refresh_token));
  });

  it('ends all it gave even when it comes again long after it would have expired', async () => {
    const authorized = await authorize();
    const tokens = tokensOf(await redeem(authorized));
    pass(86_400);
    expectInvalidGrant(await redeem(authorized));
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
  });

  it('ends after five minutes, although the library would keep it for ten', async () => {
    const [early, late] = [await authorize(), await authorize()];
    pass(299);
    expect((await redeem(early)).status).toBe(200);
    pass(1);
    const reasons = watchReasons();
    expectInvalidGrant(await redeem(late));
    expect(reasons()).toEqual(['code_expired']);
  });

  it('lives as long as TOKENS.code says, a second or twenty minutes', async () => {
    const short = await authorize({ gate: gateWith({ TOKENS: { code: 1 } }) });
    pass(1);
    expectInvalidGrant(await redeem(short));

    const long = await authorize({ gate: gateWith({ TOKENS: { code: 1200 } }) });
    pass(1199);
    expect((await redeem(long)).status).toBe(200);
  });
});

describe('a wrong code_verifier', () => {
  it('is refused, logged by its tag, and costs the right client nothing', async () => {
    const authorized = await authorize();
    const { code_verifier } = await makePkce();
    const reasons = watchReasons();
    for (let attempt = 0; attempt < 3; attempt++)
      expectInvalidGrant(await redeem(authorized, { code_verifier }));
    expect(reasons()).toEqual(
      Array.from({ length: 3 }, () => expect.stringMatching(/code_verifier_mismatch$/)),
    );
    expect((await callMcp(tokensOf(await redeem(authorized)).access_token)).status).toBe(200);
  });

  it('ends nothing after the redemption, either, no matter who sends it', async () => {
    const authorized = await authorize();
    const tokens = tokensOf(await redeem(authorized));
    const { code_verifier } = await makePkce();
    const reasons = watchReasons();
    expectInvalidGrant(await redeem(authorized, { code_verifier }));
    pass(60);
    expectInvalidGrant(await redeem(authorized, { code_verifier }));
    expectInvalidGrant(await redeem(authorized, { code_verifier: '' }));
    expect(reasons()).toEqual(Array.from({ length: 3 }, () => 'code_verifier_mismatch'));
    expect((await callMcp(tokens.access_token)).status).toBe(200);
  });

  it('is refused when there is none at all', async () => {
    const authorized = await authorize();
    const answer = await redeem(authorized, { code_verifier: '' });
    expect(answer.status).toBe(400);
    expect((await redeem(authorized)).status).toBe(200);
  });
});

describe('a code in the wrong hands', () => {
  it('is refused to another client and stays good for its own', async () => {
    const authorized = await authorize();
    const other = await registerClient({ client_name: 'Somebody else' });
    const reasons = watchReasons();
    expectInvalidGrant(await redeem({ ...authorized, client: other }));
    expect(reasons()).toEqual(['code_client_mismatch']);

    const tokens = tokensOf(await redeem(authorized));
    pass(60);
    expectInvalidGrant(await redeem({ ...authorized, client: other }));
    expect((await callMcp(tokens.access_token)).status).toBe(200);
  });

  it('is refused with another redirect_uri, and stays good', async () => {
    const authorized = await authorize();
    const answer = await redeem(authorized, { redirect_uri: 'http://127.0.0.1:9999/other' });
    expect(answer.status).toBe(400);
    expect((await redeem(authorized)).status).toBe(200);
  });

  it('that nobody was given is refused as unknown, and ends no grant', async () => {
    const authorized = await authorize();
    const tokens = tokensOf(await redeem(authorized));
    const code = `${authorized.code.slice(0, -4)}AAAA`;
    const reasons = watchReasons();
    expectInvalidGrant(await redeem(authorized, { code }));
    expect(reasons()).toEqual(['code_unknown']);
    expect((await callMcp(tokens.access_token)).status).toBe(200);
  });
});
