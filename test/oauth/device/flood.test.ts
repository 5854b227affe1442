import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Source } from '../../../src/limits/source';
import { now, pass, startClock, stopClock } from '../../fixtures/clock';
import { from, sourceAt } from '../../fixtures/from-address';
import { signInBy } from '../../fixtures/keys';
import { Browser, gate, gateWith } from '../../fixtures/worker';
import { confirmCode, openSignedIn, poll, startDevice, typeCode } from './devices';

// Each test a quarter of an hour and more after the one before: what was typed there no longer counts.
let days = 0;
beforeEach(() => {
  stopClock();
  pass(86_400 * ++days);
  // Thousands of lines that nobody reads.
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
});
afterEach(() => {
  startClock();
  vi.restoreAllMocks();
});

/** As many codes as there is room for, kept for the address blocks that `at` names. */
async function fill(at: (index: number) => Source, count = 2500): Promise<void> {
  const expiresAt = now() + 900;
  await runInDurableObject(env.PENDING_FLOW.getByName('user-codes'), async (codes) => {
    for (let index = 0; index < count; index++) {
      await codes.keepCode({ id: crypto.randomUUID(), from: at(index), expiresAt, data: 'sealed' });
    }
  });
}

describe('two thousand devices that nobody waits for', () => {
  it.each([
    ['one address', () => ({ source: 'one', network: 'one' })],
    ['a handful of addresses', (index: number) => ({ source: `h${index % 5}`, network: `h${index % 5}` })],
    ['a whole provider', (index: number) => ({ source: `p${index}`, network: 'provider' })],
  ])('from %s leave codes for everybody else, and for those who waited before', async (_, at) => {
    const before = await startDevice({ gate: from('203.0.113.8') });
    await fill(at);
    const device = await startDevice({ gate: from('203.0.113.9') });
    for (const waiting of [before, device]) {
      expect((await poll(waiting)).body.error).toBe('authorization_pending');
      expect((await confirmCode({ ...waiting, gate })).page.status).toBe(200);
    }
  });

  it('drop the oldest of their own source: that device gets expired_token', async () => {
    const other = await startDevice({ gate: from('203.0.113.10') });
    const oldest = await startDevice({ gate: from('2001:db8:1:2::1') });
    const network = await sourceAt('2001:db8:1:2:ffff::1');
    await fill(() => network, 999);
    expect((await poll(oldest)).body.error).toBe('authorization_pending');
    await startDevice({ gate: from('2001:db8:1:2:3:4:5:6') });
    for (let i = 0; i < 2; i++) expect((await poll(oldest)).body.error).toBe('expired_token');
    expect((await poll(other)).body.error).toBe('authorization_pending');
  });
});

describe('visitors who guess at codes', () => {
  const WRONG = 'BCDF-GHJK';

  /** As if so many visitors there had typed five wrong codes each. */
  async function guess(visitors: number, at: Source): Promise<void> {
    await runInDurableObject(env.PENDING_FLOW.getByName('user-codes'), async (codes) => {
      for (let guessed = 0; guessed < visitors * 5; guessed++) {
        const guesser = { userId: `visitor ${guessed % visitors}`, budget: 'visitors', from: at } as const;
        await codes.findCode(`wrong ${guessed}`, guesser);
      }
    });
  }

  it.each([
    ['a person elsewhere', { method: 'local', name: 'Honest' }, '203.0.113.20'],
    ['a person behind the same address', { method: 'local', name: 'Near' }, '192.0.2.200'],
    ['a visitor elsewhere', { method: 'skip' }, '203.0.113.21'],
    ['a visitor behind the same address', { method: 'skip' }, '192.0.2.200'],
  ])('of one source leave their tries to %s', async (_, method, address) => {
    const at = gateWith({ SIGN_IN: { methods: ['local', 'skip'] } });
    const device = await startDevice({ gate: at });
    await guess(103, await sourceAt('192.0.2.200'));
    const visitor = new Browser(from('192.0.2.200', at));
    await signInBy(visitor, { method: 'skip' });
    const guessing = await openSignedIn(visitor, '/device');
    for (const status of [400, 400, 400, 400, 400, 429]) {
      expect((await typeCode(visitor, guessing, WRONG)).status).toBe(status);
    }
    const signedIn = new Browser(at);
    await signInBy(signedIn, method);
    const honest = new Browser(from(address, at));
    for (const [name, value] of signedIn.cookies) honest.cookies.set(name, value);
    const page = await openSignedIn(honest, '/device');
    for (const [code, status] of [
      [WRONG, 400],
      [WRONG, 400],
      [device.user_code, 200],
    ] as const) {
      expect((await typeCode(honest, page, code)).status).toBe(status);
    }
  });
});
