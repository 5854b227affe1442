import { runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { now, pass, startClock, stopClock } from '../../fixtures/clock';
import { expectInvalidGrant, watchReasons } from '../../fixtures/refusals';
import {
  type Authorized,
  accountOf,
  callMcp,
  connect,
  gateWith,
  refresh,
  registerClient,
  type Tokens,
  tokensOf,
} from '../../fixtures/worker';

const GRACE = 120;

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.restoreAllMocks();
});

async function rotate(authorized: Authorized, refresh_token: string): Promise<Tokens> {
  return tokensOf(await refresh(authorized, refresh_token));
}

async function expectWorks(access_token: string): Promise<void> {
  expect((await callMcp(access_token)).status).toBe(200);
}

/** Numbers without a pattern, the same in every run. */
function* numbers(): Generator<number, never> {
  for (let state = 1; ; ) {
    state = (state * 48_271) % 2_147_483_647;
    yield state >> 8;
  }
}

describe('a refresh token', () => {
  it('gives ten processes that refresh at the same moment one successor, and all their tokens work', async () => {
    const { tokens, ...authorized } = await connect();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => rotate(authorized, tokens.refresh_token)),
    );
    expect(new Set(answers.map((answer) => answer.refresh_token)).size).toBe(1);
    expect(answers[0]?.refresh_token).not.toBe(tokens.refresh_token);
    for (const { access_token } of answers) await expectWorks(access_token);
    const next = await rotate(authorized, answers[9]?.refresh_token ?? '');
    await expectWorks(next.access_token);
  });

  it('leaves the access token from before alone: a rotation is no revocation', async () => {
    const { tokens, ...authorized } = await connect();
    await rotate(authorized, tokens.refresh_token);
    await expectWorks(tokens.access_token);
  });

  it('may narrow its scope, and a wider one than was granted is refused', async () => {
    const { tokens, ...authorized } = await connect();
    const narrow = tokensOf(await refresh(authorized, tokens.refresh_token, { scope: 'mcp:read' }));
    const { body } = await callMcp(narrow.access_token);
    expect(body).toMatchObject({ result: { structuredContent: { scope: 'mcp:read' } } });
    const wide = await refresh(authorized, narrow.refresh_token, { scope: 'mcp:destructive' });
    expect([wide.status, wide.body.error]).toEqual([400, 'invalid_scope']);
    await expectWorks((await rotate(authorized, narrow.refresh_token)).access_token);
  });

  it('is refused to another client, and ends nothing', async () => {
    const { tokens, ...authorized } = await connect();
    const other = await registerClient({ client_name: 'Somebody else' });
    const reasons = watchReasons();
    expectInvalidGrant(await refresh({ ...authorized, client: other }, tokens.refresh_token));
    expect(reasons()).toEqual(['refresh_client_mismatch']);
    await expectWorks((await rotate(authorized, tokens.refresh_token)).access_token);
  });

  it('that nobody was given is refused, and ends nothing', async () => {
    const { tokens, ...authorized } = await connect();
    expectInvalidGrant(await refresh(authorized, `${tokens.refresh_token.slice(0, -4)}AAAA`));
    await expectWorks(tokens.access_token);
  });
});

describe('a refresh token that was rotated', () => {
  it('gets the same answer within the grace time, even when its successor was used', async () => {
    const { tokens, ...authorized } = await connect();
    const first = await rotate(authorized, tokens.refresh_token);
    const second = await rotate(authorized, first.refresh_token);
    pass(GRACE);
    const again = await rotate(authorized, tokens.refresh_token);
    expect(again).toEqual({ ...first, expires_in: first.expires_in - GRACE });
    await expectWorks(again.access_token);
    await expectWorks(second.access_token);
  });

  it('gets the same answer long after, as long as its successor was never used', async () => {
    const { tokens, ...authorized } = await connect();
    const first = await rotate(authorized, tokens.refresh_token);
    pass(GRACE + 600);
    const again = await rotate(authorized, tokens.refresh_token);
    expect(again.refresh_token).toBe(first.refresh_token);
    await expectWorks(again.access_token);
    await expectWorks((await rotate(authorized, again.refresh_token)).access_token);
  });

  it('gets a live access token with the same successor when the one kept for it has ended', async () => {
    const { tokens, ...authorized } = await connect();
    const first = await rotate(authorized, tokens.refresh_token);
    pass(7 * 86_400);
    expect((await callMcp(first.access_token)).status).toBe(401);
    const again = await rotate(authorized, tokens.refresh_token);
    expect(again).toMatchObject({ refresh_token: first.refresh_token, expires_in: 1800 });
    await expectWorks(again.access_token);
    expect(await rotate(authorized, tokens.refresh_token)).toEqual(again);
    await expectWorks((await rotate(authorized, first.refresh_token)).access_token);
  });

  it('gets one live access token when ten ask for it at the same moment', async () => {
    const { tokens, ...authorized } = await connect();
    const first = await rotate(authorized, tokens.refresh_token);
    pass(86_400);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => rotate(authorized, tokens.refresh_token)),
    );
    expect(new Set(answers.map((answer) => answer.access_token)).size).toBe(1);
    expect(answers[0]?.refresh_token).toBe(first.refresh_token);
    await expectWorks(answers[0]?.access_token ?? '');
  });

  it('ends the grant when it comes again after the grace time and its successor was used', async () => {
    const { tokens, ...authorized } = await connect();
    const first = await rotate(authorized, tokens.refresh_token);
    const second = await rotate(authorized, first.refresh_token);
    pass(GRACE + 1);
    const reasons = watchReasons();
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
    expect(reasons()).toEqual(['refresh_replayed']);
    expect((await callMcp(second.access_token)).status).toBe(401);
    expectInvalidGrant(await refresh(authorized, second.refresh_token));
  });

  it('ends the grant weeks later too, although its kept answer was forgotten long before', async () => {
    const { tokens, ...authorized } = await connect({ user: { name: 'Frequent' } });
    let last = tokens;
    for (let step = 0; step < 6; step++) {
      pass(4 * 86_400);
      last = await rotate(authorized, last.refresh_token);
    }
    const answers = await runInDurableObject(accountOf(last.access_token), (_, { storage }) =>
      storage.sql.exec<{ answer: string }>('SELECT answer FROM rotations').toArray(),
    );
    // The newest two: one has a successor that is unused, the other is hardly rotated.
    expect(answers.filter(({ answer }) => answer !== '').length).toBeLessThanOrEqual(2);
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
    expect((await callMcp(last.access_token)).status).toBe(401);
  });

  it('is refused alone, with on_replay = "refuse", and its honest holder goes on', async () => {
    const lenient = gateWith({ TOKENS: { on_replay: 'refuse' } });
    const { tokens, ...authorized } = await connect({ gate: lenient });
    const first = await rotate(authorized, tokens.refresh_token);
    const second = await rotate(authorized, first.refresh_token);
    pass(GRACE + 1);
    const reasons = watchReasons();
    expectInvalidGrant(await refresh(authorized, tokens.refresh_token));
    expect(reasons()).toEqual(['refresh_replayed']);
    await expectWorks(second.access_token);
    await expectWorks((await rotate(authorized, second.refresh_token)).access_token);
  });

  it('leads through a chain of rotations that all happened within the grace time', async () => {
    const { tokens, ...authorized } = await connect();
    const chain = [tokens];
    for (let step = 0; step < 5; step++)
      chain.push(await rotate(authorized, chain[step]?.refresh_token ?? ''));
    pass(GRACE);
    for (let step = 0; step < 5; step++) {
      const again = await rotate(authorized, chain[step]?.refresh_token ?? '');
      expect(again.refresh_token).toBe(chain[step + 1]?.refresh_token);
      await expectWorks(again.access_token);
    }
  });

  it('gets a live access token out of such a chain too, and the chain goes on from its end', async () => {
    const brief = gateWith({ TOKENS: { access: 2 } });
    const { tokens, ...authorized } = await connect({ gate: brief });
    const first = await rotate(authorized, tokens.refresh_token);
    const second = await rotate(authorized, first.refresh_token);
    const third = await rotate(authorized, second.refresh_token);
    pass(5);
    const again = await rotate(authorized, tokens.refresh_token);
    expect(again.refresh_token).toBe(first.refresh_token);
    expect(again.access_token).not.toBe(first.access_token);
    await expectWorks(again.access_token);
    await expectWorks((await rotate(authorized, third.refresh_token)).access_token);
  });
});

describe('two processes of one person that share what they stored once', () => {
  it('keep their sign-in, each refreshing with what it has whenever its access token has ended', async () => {
    const { tokens, ...authorized } = await connect();
    const held = [tokens, tokens];
    for (let round = 0; round < 12; round++) {
      pass(1800);
      for (const process of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const mine = await rotate(authorized, held[process]?.refresh_token ?? '');
        await expectWorks(mine.access_token);
        held[process] = mine;
        pass(50);
      }
    }
    expect(held[0]?.refresh_token).toBe(held[1]?.refresh_token);
  });

  it('keep it whatever they do, as long as each presents what the rules still allow', async () => {
    const { tokens, ...authorized } = await connect();
    const rotations = new Map<string, { at: number; successor: string }>();
    const isReplay = (token: string): boolean => {
      const rotation = rotations.get(token);
      return rotation !== undefined && now() - rotation.at > GRACE && rotations.has(rotation.successor);
    };
    const held = [tokens.refresh_token, tokens.refresh_token];
    const chance = numbers();
    const waits = [0, 1, 60, 119, 120, 121, 1800, 4000];
    for (let step = 0; step < 80; step++) {
      pass(waits[chance.next().value % waits.length] ?? 0);
      const [mine, other] = chance.next().value % 2 === 0 ? [0, 1] : [1, 0];
      // Who was left behind reads what the other one stored.
      if (isReplay(held[mine] ?? '')) held[mine] = held[other] ?? '';
      const presented = held[mine] ?? '';
      const answer = await rotate(authorized, presented);
      await expectWorks(answer.access_token);
      const known = rotations.get(presented);
      if (known) expect(answer.refresh_token).toBe(known.successor);
      else rotations.set(presented, { at: now(), successor: answer.refresh_token });
      held[mine] = answer.refresh_token;
    }
    expect(rotations.size).toBeGreaterThan(20);
  });

  it('keep it when one of them slept for a week', async () => {
    const { tokens, ...authorized } = await connect();
    const awake = await rotate(authorized, tokens.refresh_token);
    pass(7 * 86_400);
    const woken = await rotate(authorized, tokens.refresh_token);
    await expectWorks(woken.access_token);
    const [mine, theirs] = await Promise.all([
      rotate(authorized, awake.refresh_token),
      rotate(authorized, woken.refresh_token),
    ]);
    expect(mine).toEqual(theirs);
    await expectWorks(mine.access_token);
  });
});
