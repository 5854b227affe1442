import { evictAllDurableObjects, listDurableObjectIds, runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  accountOf,
  Browser,
  connect,
  formWith,
  gate,
  gateWith,
  locationOf,
  type Page,
  redeem,
  textOf,
} from '../fixtures/worker';
import { decide, openConsent, openFlow, type Waiting } from './pages';

afterEach(() => {
  vi.useRealTimers();
});

/** Moves the clock, and nothing else. */
function wait(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 });
}

/** Posts the consent form from `browser` with these headers and over these fields. */
function forge(
  { page, url }: Waiting,
  browser: Browser,
  { origin, csrf }: { origin?: string | undefined; csrf?: string | undefined },
): Promise<Page> {
  const hidden = formWith(page, 'decision').hidden.csrf ?? '';
  const fields: [string, string][] = [
    ['scope', 'mcp:read'],
    ['decision', 'allow'],
  ];
  if (csrf !== undefined) fields.push(['csrf', csrf || hidden]);
  const headers: HeadersInit = origin === undefined ? {} : { origin };
  return browser.visit(url, { method: 'POST', body: new URLSearchParams(fields), headers });
}

/** A page of this status and title, that leads nowhere. */
function expectPage(page: Page, status: number, title: string): void {
  expect([page.status, page.location]).toEqual([status, undefined]);
  expect(textOf(page.html)).toContain(title);
}

describe('a flow belongs to one browser', () => {
  test('its address opened in another is 403, no matter who is signed in there', async () => {
    const waiting = await openConsent();
    for (const other of [new Browser(), (await connect()).browser]) {
      expectPage(await other.visit(waiting.url), 403, 'This was started in another browser');
      expectPage(await decide({ ...waiting, browser: other }), 403, 'This was started in another browser');
    }
    expect((await decide(waiting)).status).toBe(303);
  });

  test('at another origin of the gate its address is a page: the request was for a resource of the first', async () => {
    const waiting = await openConsent();
    const moved = new Browser(gateWith({}, 'http://localhost'));
    for (const [name, value] of waiting.browser.cookies) moved.cookies.set(name, value);
    const page = await moved.visit(waiting.url);
    expect([page.status, page.location, page.forms]).toEqual([400, undefined, []]);
    expect((await decide(waiting)).status).toBe(303);
  });

  test('a cookie of another flow, or a wrong one, opens nothing', async () => {
    const waiting = await openConsent();
    const name = [...waiting.browser.cookies.keys()].find((key) => key.startsWith('gatehouse-flow-')) ?? '';
    for (const secret of ['', 'wrong', 'x'.repeat(43), 'x'.repeat(5000), '%00', '🦊']) {
      const other = new Browser();
      other.cookies.set(name, encodeURIComponent(secret));
      expectPage(await other.visit(waiting.url), 403, 'This was started in another browser');
    }
  });

  test.each([
    ['nothing', ''],
    ['nonsense', 'nonsense'],
    ['one in our form that we never made', 'A'.repeat(39)],
    ['an object’s name', 'once:0000'],
    ['markup', '<script>alert(1)</script>'],
    ['100 kB', 'x'.repeat(100_000)],
  ])('an address that we never made is 400 and wakes no object: %s', async (_what, id) => {
    const before = (await listDurableObjectIds(env.PENDING_FLOW)).length;
    for (const method of ['GET', 'POST']) {
      const init = method === 'POST' ? { method, body: new URLSearchParams({ csrf: 'x' }) } : {};
      const page = await new Browser().visit(`/authorize?flow=${encodeURIComponent(id)}`, init);
      expectPage(page, 400, 'We couldn’t find this sign-in');
      expect(page.html).not.toContain('<script');
    }
    expect(await listDurableObjectIds(env.PENDING_FLOW)).toHaveLength(before);
  });

  test('an id with its end moved is one that we never made', async () => {
    const { url, browser } = await openFlow();
    const id = url.split('=')[1] ?? '';
    for (let at = 0; at < id.length; at += 7) {
      const other = id[at] === 'A' ? 'B' : 'A';
      const page = await browser.visit(`/authorize?flow=${id.slice(0, at)}${other}${id.slice(at + 1)}`);
      expectPage(page, 400, 'We couldn’t find this sign-in');
    }
  });

  test('a sign-in that asks for nothing more can’t be answered as an authorization', async () => {
    const browser = new Browser();
    const url = locationOf(await browser.visit('/sign-in'));
    const page = await browser.visit(url.replace('/sign-in', '/authorize'));
    expectPage(page, 400, 'We couldn’t find this sign-in');
  });
});

describe('time', () => {
  test('a request that nobody touched ends after 5 minutes', async () => {
    const { browser } = await connect();
    const [early, late] = [await openConsent({ browser }), await openConsent({ browser })];
    wait(290);
    expect((await browser.visit(early.url)).status).toBe(200);
    expect((await decide(early)).status).toBe(303);
    wait(12);
    expectPage(await browser.visit(late.url), 410, 'This took too long');
    expectPage(await decide(late), 410, 'This took too long');
  });

  test('one that somebody works at ends after 15, whatever they do', async () => {
    const waiting = await openConsent();
    wait(600);
    expectPage(await decide(waiting, { scope: [] }), 400, 'Select at least one thing');
    wait(295);
    expect((await waiting.browser.visit(waiting.url)).status).toBe(200);
    wait(6);
    expectPage(await waiting.browser.visit(waiting.url), 410, 'This took too long');
    expectPage(await decide(waiting), 410, 'This took too long');
  });

  test('is kept by the clock and no alarm: one that ran makes it no other answer', async () => {
    const waiting = await openConsent();
    const id = waiting.url.split('=')[1] ?? '';
    wait(901);
    await runDurableObjectAlarm(env.PENDING_FLOW.getByName(id));
    expectPage(await waiting.browser.visit(waiting.url), 410, 'This took too long');
    expectPage(await new Browser().visit(waiting.url), 410, 'This took too long');
  });

  test('is what TOKENS says', async () => {
    const at = gateWith({ TOKENS: JSON.stringify({ request: 10, flow: 20 }) });
    const { browser } = await connect({ gate: at });
    const waiting = await openConsent({ browser });
    wait(11);
    expectPage(await browser.visit(waiting.url), 410, 'This took too long');
  });

  test('is not moved by a restart', async () => {
    const waiting = await openConsent();
    await evictAllDurableObjects();
    expect((await waiting.browser.visit(waiting.url)).status).toBe(200);
    await evictAllDurableObjects();
    const callback = new URL(locationOf(await decide(waiting)));
    await evictAllDurableObjects();
    const code = callback.searchParams.get('code') ?? '';
    expect((await redeem({ ...waiting, gate, code, callback })).status).toBe(200);
    expectPage(await decide(waiting), 409, 'You’ve already answered this');
  });
});

describe('a flow is answered once', () => {
  test('a second submit is 409, and what the first gave stays', async () => {
    const waiting = await openConsent();
    const callback = new URL(locationOf(await decide(waiting)));
    for (const decision of ['allow', 'deny']) {
      expectPage(await decide(waiting, { decision }), 409, 'You’ve already answered this');
    }
    expectPage(await waiting.browser.visit(waiting.url), 409, 'You’ve already answered this');
    const code = callback.searchParams.get('code') ?? '';
    expect((await redeem({ ...waiting, gate, code, callback })).status).toBe(200);
  });

  test('of ten at the same moment one wins', async () => {
    const waiting = await openConsent({ user: { name: 'Double clicker' } });
    const pages = await Promise.all(Array.from({ length: 10 }, () => decide(waiting)));
    expect(pages.map(({ status }) => status).sort()).toEqual([303, ...Array(9).fill(409)]);
    const user = waiting.browser.cookies.get('gatehouse-sign-in')?.split('.')[0] ?? '';
    // A grant whose code nobody redeemed yet is there, once.
    expect(await accountOf(`${user}:`).listGrants()).toHaveLength(1);
  });

  test('after Cancel nothing can be allowed', async () => {
    const waiting = await openConsent();
    await decide(waiting, { decision: 'deny' });
    expectPage(await decide(waiting), 409, 'You’ve already answered this');
  });

  test('two tabs are two flows', async () => {
    const { browser, client } = await connect();
    const [one, two] = [await openConsent({ browser, client }), await openConsent({ browser, client })];
    const codes = [await decide(two), await decide(one)].map((page) => new URL(locationOf(page)).search);
    expect(new Set(codes).size).toBe(2);
  });
});

describe('a form that is not ours', () => {
  test.each([
    ['another site', 'https://evil.example'],
    ['a sandboxed page', 'null'],
    ['a lookalike', 'http://localhost:8787.evil.example'],
    ['another port', 'http://localhost:8788'],
    ['another scheme', 'https://localhost:8787'],
    ['the app itself', 'http://127.0.0.1:9999'],
  ])('is refused even with the right token: from %s', async (_what, origin) => {
    const waiting = await openConsent();
    expectPage(
      await forge(waiting, waiting.browser, { origin, csrf: '' }),
      403,
      'We couldn’t accept that form',
    );
    expect((await decide(waiting)).status).toBe(303);
  });

  test('is refused without the token, or with another', async () => {
    const waiting = await openConsent();
    const other = await openConsent({ browser: waiting.browser });
    const tokens = [
      undefined,
      'wrong',
      'x'.repeat(43),
      formWith(other.page, 'decision').hidden.csrf,
      (await openFlow()).page.forms[0]?.hidden.csrf,
    ];
    for (const csrf of tokens) {
      const page = await forge(waiting, waiting.browser, { origin: gate.origin, csrf });
      expectPage(page, 403, 'We couldn’t accept that form');
    }
  });

  test('is taken from a browser that sends no Origin, with the token', async () => {
    const waiting = await openConsent();
    expect((await forge(waiting, waiting.browser, { csrf: '' })).status).toBe(303);
  });

  test('is refused where somebody else has signed in since', async () => {
    const waiting = await openConsent({ user: { name: 'Ada' } });
    const { browser } = waiting;
    await browser.visit('/sign-out', { method: 'POST', headers: { origin: gate.origin } });
    const signIn = await browser.visit(locationOf(await browser.visit('/sign-in')));
    await browser.submit(formWith(signIn, 'method'), { method: 'local', name: 'Bob' });
    expectPage(await decide(waiting), 403, 'We couldn’t accept that form');
    const again = await browser.visit(waiting.url);
    expect(textOf(again.html)).toContain('Bob');
    expect((await decide({ ...waiting, page: again })).status).toBe(303);
  });

  test('allows nothing once the person has signed out: they are asked who they are', async () => {
    const waiting = await openConsent();
    await waiting.browser.visit('/sign-out', { method: 'POST', headers: { origin: gate.origin } });
    const page = await decide(waiting);
    expect([page.status, page.location]).toEqual([200, undefined]);
    expect(formWith(page, 'method').action).toContain('/sign-in?flow=');
  });

  test.each([
    ['JSON', 'application/json', '{"decision":"allow"}'],
    ['multipart', 'multipart/form-data; boundary=x', '--x--'],
    ['plain text', 'text/plain', 'decision=allow'],
    ['bytes that are no text', 'application/x-www-form-urlencoded', new Uint8Array([0xff, 0xfe, 0x80])],
    ['64 kB and one', 'application/x-www-form-urlencoded', 'x'.repeat(65_537)],
  ])('is 400 when it is no form: %s', async (_what, type, body) => {
    const waiting = await openConsent();
    const headers = { origin: gate.origin, 'content-type': type };
    const page = await waiting.browser.visit(waiting.url, { method: 'POST', body, headers });
    expectPage(page, 400, 'We couldn’t read that form');
  });
});

test('the cookies of a flow and a sign-in are out of reach for scripts and other sites', async () => {
  const waiting = await openFlow();
  const opened = await waiting.browser.visit('/sign-in');
  expect(opened.headers.get('set-cookie')).toMatch(
    /^gatehouse-flow-[\w-]{12}=[\w-]{43}; Max-Age=900; Path=\/; HttpOnly; SameSite=Lax$/,
  );
  const SIGN_IN = JSON.stringify({ oidc: [{ name: 'acme', issuer: 'https://id.example', client_id: 'x' }] });
  const page = await new Browser(gateWith({ SIGN_IN }, 'https://gate.example')).visit('/sign-in');
  expect(page.headers.get('set-cookie')).toMatch(
    /^__Host-gatehouse-flow-[\w-]{12}=[\w-]{43}; Max-Age=900; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  );
});
