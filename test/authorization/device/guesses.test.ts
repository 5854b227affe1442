import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mayTry } from '../../../src/flow/user-codes';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { Browser, formWith, gate, type Page, tokensOf } from '../../fixtures/worker';
import { answer, confirmCode, openSignedIn, poll, reached, startDevice, typeCode } from './devices';

beforeEach(stopClock);
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

describe('ten thousand guesses by two thousand people', () => {
  it('are stopped, and the person with the device still gets in, by one try or by its link', async () => {
    const device = await startDevice();
    const directory = env.PENDING_FLOW.getByName('user-codes');
    const reasons = await runInDurableObject(directory, async (codes) => {
      const told: Record<string, number> = {};
      for (let at = 0; at < 10_000; at++) {
        const found = await codes.findCode(`wrong ${at}`, `person ${at % 2000}`);
        const reason = found.ok ? 'found' : found.error.reason;
        told[reason] = (told[reason] ?? 0) + 1;
      }
      return told;
    });
    expect(reasons).toEqual({ user_code_unknown: 2000, user_code_guesses: 8000 });
    const confirmed = await confirmCode(device, { name: 'Rightful' });
    expect(confirmed.page.status).toBe(200);
    const slip = new Browser();
    const page = await openSignedIn(slip, '/device', 'Hasty');
    expect(await tries(slip, page, [guess(), device.user_code])).toEqual([400, 429]);
    const linked = await openSignedIn(slip, device.verification_uri_complete, 'Hasty');
    await answer({ browser: slip, page: await typeCode(slip, linked, device.user_code) });
    expect((await poll(device)).status).toBe(200);
  });
});

it.each([
  [{ own: 0, all: 0 }, true],
  [{ own: 4, all: 499 }, true],
  [{ own: 5, all: 5 }, false],
  [{ own: 0, all: 500 }, true],
  [{ own: 1, all: 500 }, false],
  [{ own: 0, all: 4999 }, true],
  [{ own: 0, all: 5000 }, false],
])('of wrong codes %j another may be tried: %s', (facts, may) => {
  expect(mayTry(facts)).toBe(may);
});
