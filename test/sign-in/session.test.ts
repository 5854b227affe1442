import { evictAllDurableObjects, listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { accountOf, Browser, formWith, gate, gateWith, locationOf, textOf } from '../fixtures/worker';
import { ACME, acmePerson, browserOf } from '../oauth/people';

const COOKIE = 'gatehouse-sign-in';

afterEach(() => {
  vi.useRealTimers();
});

async function signIn(name: string, browser = new Browser()): Promise<Browser> {
  const page = await browser.visit(locationOf(await browser.visit('/sign-in')));
  await browser.submit(formWith(page, 'method'), { method: 'local', name });
  return browser;
}

/** Who is signed in there, by the page that says so; undefined: nobody. */
async function whoIsAt(browser: Browser): Promise<string | undefined> {
  const page = await browser.visit('/sign-in');
  return /You’re signed in as (\w+)/.exec(textOf(page.html))?.[1];
}

function withCookie(value: string): Browser {
  const browser = new Browser();
  browser.cookies.set(COOKIE, value);
  return browser;
}

describe('the cookie of a sign-in', () => {
  test('is for this site alone and out of reach for scripts', async () => {
    const browser = new Browser();
    const page = await browser.visit(locationOf(await browser.visit('/sign-in')));
    const done = await browser.submit(formWith(page, 'method'), { method: 'local', name: 'Ada' });
    expect(done.headers.get('set-cookie')).toMatch(
      /^gatehouse-sign-in=[\w.-]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/,
    );
  });

  test.each([
    ['nothing', () => ''],
    ['nonsense', () => 'nonsense'],
    ['dots', () => '....'],
    ['a part more', (cookie: string) => `${cookie}.x`],
    ['a part less', (cookie: string) => cookie.split('.').slice(0, 3).join('.')],
    ['another signature', (cookie: string) => cookie.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'))],
    [
      'a made-up one in our form',
      () => `${'A'.repeat(32)}.${crypto.randomUUID()}.${'B'.repeat(43)}.${'C'.repeat(43)}`,
    ],
    ['100 kB', () => 'x'.repeat(100_000)],
  ])('that we did not sign is nobody’s, and wakes no object: %s', async (_what, change) => {
    const cookie = (await signIn('Ada')).cookies.get(COOKIE) ?? '';
    const before = (await listDurableObjectIds(env.ACCOUNT)).length;
    expect(await whoIsAt(withCookie(change(cookie)))).toBeUndefined();
    expect(await listDurableObjectIds(env.ACCOUNT)).toHaveLength(before);
  });

  test('can’t be made from two: neither user nor secret can be put in from another', async () => {
    const [ada, bob] = [await signIn('Ada'), await signIn('Bob')];
    const [one, two] = [ada, bob].map((browser) => (browser.cookies.get(COOKIE) ?? '').split('.'));
    for (let at = 0; at < 4; at++) {
      const mixed = one?.with(at, two?.[at] ?? '') ?? [];
      expect(await whoIsAt(withCookie(mixed.join('.'))), `part ${at}`).toBeUndefined();
    }
    expect(await whoIsAt(ada)).toBe('Ada');
  });

  test('is a new one with every sign-in', async () => {
    const browser = await signIn('Ada');
    const before = browser.cookies.get(COOKIE);
    await browser.visit('/sign-out', { method: 'POST', headers: { origin: gate.origin } });
    await signIn('Ada', browser);
    expect(browser.cookies.get(COOKIE)).not.toBe(before);
  });
});

describe('a sign-in', () => {
  test('lasts 12 hours', async () => {
    const browser = await signIn('Ada');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 43_190_000 });
    expect(await whoIsAt(browser)).toBe('Ada');
    vi.setSystemTime(Date.now() + 15_000);
    expect(await whoIsAt(browser)).toBeUndefined();
  });

  test('lasts as long as TOKENS.sign_in says', async () => {
    const browser = await signIn('Ada', new Browser(gateWith({ TOKENS: '{"sign_in":60}' })));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    expect(await whoIsAt(browser)).toBeUndefined();
  });

  test('can be ended from elsewhere, at once and alone', async () => {
    const [here, there] = [await signIn('Ada'), await signIn('Ada')];
    const [user = '', id = ''] = (here.cookies.get(COOKIE) ?? '').split('.');
    await accountOf(`${user}:`).endSignIn(id);
    expect(await whoIsAt(here)).toBeUndefined();
    expect(await whoIsAt(there)).toBe('Ada');
  });

  test('that was signed out is over for a copy of its cookie too', async () => {
    const browser = await signIn('Ada');
    const copy = withCookie(browser.cookies.get(COOKIE) ?? '');
    expect(await whoIsAt(copy)).toBe('Ada');
    await browser.visit('/sign-out', { method: 'POST', headers: { origin: gate.origin } });
    expect(browser.cookies.has(COOKIE)).toBe(false);
    expect(await whoIsAt(copy)).toBeUndefined();
  });

  test('outlives a restart', async () => {
    const browser = await signIn('Ada');
    await evictAllDurableObjects();
    expect(await whoIsAt(browser)).toBe('Ada');
  });

  test('ends with the keys that signed it', async () => {
    const browser = await signIn('Ada');
    const GATEHOUSE_KEYS = JSON.stringify({
      other: btoa('k'.repeat(32)),
      ids: btoa('test ids key '.repeat(3)),
    });
    const elsewhere = new Browser(gateWith({ GATEHOUSE_KEYS }));
    elsewhere.cookies.set(COOKIE, browser.cookies.get(COOKIE) ?? '');
    expect(await whoIsAt(elsewhere)).toBeUndefined();
  });

  test('of a person without a role is known, and opens nothing', async () => {
    const browser = await browserOf(acmePerson({ subject: 'no-role', name: 'Nobody' }), gateWith(ACME));
    expect(await whoIsAt(browser)).toBe('Nobody');
  });
});
