import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Guesser, mayTry } from '../../../src/flow/user-codes';
import type { Source } from '../../../src/limits/source';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { Browser, formWith, gate, type Page, tokensOf } from '../../fixtures/worker';
import { answer, confirmCode, openSignedIn, poll, reached, startDevice, typeCode } from './devices';

// Each test a quarter of an hour after the one before: what was typed there no longer counts.
let days = 0;
beforeEach(() => {
  stopClock();
  pass(86_400 * ++days);
});
afterEach(startClock);

const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
function guess(): string {
  return Array.from({ length: 8 }, () => LETTERS[Math.floor(Math.random() * 20)]).join('');
}

/** A browser that is signed in and whose requests each seem to come from another address. */
function wandering({ cookies }: Browser): Browser {
  const browser = new Browser({
    ...gate,
    fetch: (path, init = {}) => {
      const headers = new Headers(init.headers);
      const part = () => Math.floor(Math.random() * 250) + 1;
      headers.set('cf-connecting-ip', `203.${part()}.${part()}.${part()}`);
      return reached.fetch(path, { ...init, headers });
    },
  });
  for (const [name, value] of cookies) browser.cookies.set(name, value);
  return browser;
}

async function tries(browser: Browser, page: Page, codes: string[]): Promise<number[]> {
  const statuses: number[] = [];
  for (const code of codes) statuses.push((await typeCode(browser, page, code)).status);
  return statuses;
}

describe('somebody who guesses at codes', () => {
  it('is stopped after five, from one address and from many, in this browser and in another', async () => {
    const device = await startDevice();
    const here = new Browser();
    const page = await openSignedIn(here, '/device', 'Eve');
    const browser = wandering(here);
    const statuses = await tries(browser, page, Array.from({ length: 8 }, guess));
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429, 429, 429]);
    const right = await typeCode(browser, page, device.user_code);
    expect([right.status, right.headers.get('retry-after')]).toEqual([429, '900']);
    const again = new Browser();
    const other = await openSignedIn(again, '/device', 'Eve');
    expect(await tries(again, other, [guess(), device.user_code])).toEqual([429, 429]);
    pass(901);
    expect(await tries(again, await openSignedIn(again, '/device', 'Eve'), [guess()])).toEqual([400]);
  });

  it('costs nobody else anything: the person with the device gets in meanwhile', async () => {
    const device = await startDevice();
    const eve = new Browser();
    await tries(eve, await openSignedIn(eve, '/device', 'Mallory'), Array.from({ length: 7 }, guess));
    await answer(await confirmCode(device));
    expect(tokensOf(await poll(device)).access_token).toBeTruthy();
  });

  it('gains nothing by a link of a device of their own with somebody else’s code in it', async () => {
    const [own, other] = [await startDevice(), await startDevice()];
    const id = new URL(own.verification_uri_complete).searchParams.get('id') ?? '';
    const eve = new Browser();
    const open = (code: string) =>
      openSignedIn(eve, `/device?${new URLSearchParams({ user_code: code, id })}`, 'Eva');
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) {
      const code = guess();
      statuses.push((await typeCode(eve, await open(code), code)).status);
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429]);
    const linked = await typeCode(eve, await open(other.user_code), other.user_code);
    expect(linked.status).toBe(429);
  });

  it('is not held back by what can be no code', async () => {
    const browser = new Browser();
    const page = await openSignedIn(browser, '/device', 'Clumsy');
    const typed = ['', 'AEIOUAEI', 'BCDF', '12345678', "'; DROP TABLE", 'BCDFGHJKL', 'x'.repeat(10_000)];
    expect(new Set(await tries(browser, page, typed))).toEqual(new Set([400]));
    const device = await startDevice();
    expect(formWith(await typeCode(browser, page, device.user_code), 'decision')).toBeTruthy();
  });
});

/** How three thousand wrong codes were answered, of two thousand people at the sources that `at` names. */
async function guessMuch(budget: Guesser['budget'], at: (person: number) => Source) {
  const directory = env.PENDING_FLOW.getByName('user-codes');
  return runInDurableObject(directory, async (codes) => {
    const told: Record<string, number> = {};
    for (let guessed = 0; guessed < 3000; guessed++) {
      const person = guessed % 2000;
      const guesser = { userId: `person ${person}`, budget, from: at(person) };
      const found = await codes.findCode(`wrong ${guessed}`, guesser);
      const reason = found.ok ? 'found' : found.error.reason;
      told[reason] = (told[reason] ?? 0) + 1;
    }
    return told;
  });
}

describe('three thousand guesses by two thousand people', () => {
  it.each([
    [
      'at a handful of addresses',
      (person: number) => ({ source: `s${person % 5}`, network: `n${person % 5}` }),
    ],
    ['of a whole provider', (person: number) => ({ source: `s${person}`, network: 'n' })],
  ])('%s are stopped early, and the person with the device has all tries', async (_, at) => {
    const device = await startDevice();
    const { user_code_unknown: tried } = await guessMuch('people', at);
    expect(tried).toBe(1000);
    const slip = new Browser();
    const page = await openSignedIn(slip, '/device', 'Hasty');
    expect(await tries(slip, page, [guess(), guess(), device.user_code])).toEqual([400, 400, 200]);
  });

  it('from everywhere are stopped, and devices are connected by their links', async () => {
    const device = await startDevice();
    const told = await guessMuch('people', (person) => ({ source: `s${person}`, network: `n${person}` }));
    expect(told).toEqual({ user_code_unknown: 2500, user_code_guesses: 500 });
    const late = new Browser();
    const page = await openSignedIn(late, '/device', 'Late');
    expect(await tries(late, page, [device.user_code])).toEqual([429]);
    const linked = await openSignedIn(late, device.verification_uri_complete, 'Late');
    await answer({ browser: late, page: await typeCode(late, linked, device.user_code) });
    expect((await poll(device)).status).toBe(200);
  });

  it('who are visitors cost nobody who signed in anything, wherever they are', async () => {
    const device = await startDevice();
    await guessMuch('visitors', (person) => ({ source: `s${person}`, network: `n${person}` }));
    const { page } = await confirmCode(device, { name: 'Rightful' });
    expect(page.status).toBe(200);
  });
});

const NONE = { own: 0, source: 0, network: 0, all: 0 };

it.each([
  [NONE, true],
  [{ own: 4, source: 999, network: 999, all: 999 }, true],
  [{ ...NONE, own: 5 }, false],
  [{ own: 4, source: 9, network: 49, all: 1000 }, true],
  [{ own: 0, source: 10, network: 10, all: 1000 }, false],
  [{ own: 0, source: 0, network: 50, all: 1000 }, false],
  [{ ...NONE, all: 2499 }, true],
  [{ ...NONE, all: 2500 }, false],
])('of wrong codes %j another may be tried: %s', (facts, may) => {
  expect(mayTry(facts)).toBe(may);
});
