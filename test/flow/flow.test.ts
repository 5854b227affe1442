import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pass, startClock, stopClock } from '../fixtures/clock';
import {
  Browser,
  type Client,
  formWith,
  gateWith,
  locationOf,
  makePkce,
  openAuthorization,
  type Page,
  registerClient,
} from '../fixtures/worker';

let client: Client;

beforeEach(async () => {
  stopClock();
  client = await registerClient();
});
afterEach(startClock);

async function open(browser = new Browser()): Promise<{ browser: Browser; page: Page; url: string }> {
  const { code_challenge } = await makePkce();
  return { browser, ...(await openAuthorization(browser, client, { code_challenge })) };
}

async function toConsent(browser = new Browser()) {
  const { page, url } = await open(browser);
  const signIn = formWith(page, 'method');
  const signedIn = await browser.submit(signIn, { method: 'local', name: 'Ada' });
  const consent = formWith(await browser.visit(locationOf(signedIn)), 'decision');
  return { browser, url, signIn, consent };
}

const ALLOW = { scope: 'mcp:read', decision: 'allow' };

describe('an authorization request', () => {
  it('that nobody touched is over after five minutes: 410', async () => {
    const { browser, page, url } = await open();
    pass(299);
    expect((await browser.visit(url)).status).toBe(200);
    pass(1);
    expect((await browser.visit(url)).status).toBe(410);
    const late = await browser.submit(formWith(page, 'method'), { method: 'local', name: 'Ada' });
    expect(late.status).toBe(410);
  });

  it('that somebody began to answer is over after fifteen: 410, before and after its object is gone', async () => {
    const { browser, url, consent } = await toConsent();
    pass(898);
    expect((await browser.visit(url)).status).toBe(200);
    pass(2);
    expect((await browser.submit(consent, ALLOW)).status).toBe(410);
    pass(30 * 86_400);
    expect((await browser.visit(url)).status).toBe(410);
  });

  it('lives as long as TOKENS.request and TOKENS.flow say', async () => {
    const brief = gateWith({ TOKENS: { request: 1, flow: 3 } });
    const untouched = await open(new Browser(brief));
    const touched = await toConsent(new Browser(brief));
    pass(1);
    expect((await untouched.browser.visit(untouched.url)).status).toBe(410);
    expect((await touched.browser.visit(touched.url)).status).toBe(200);
    pass(2);
    expect((await touched.browser.visit(touched.url)).status).toBe(410);
  });

  it('that never existed differs from one that has ended: 400', async () => {
    const browser = new Browser();
    expect((await browser.visit('/authorize?flow=nonsense')).status).toBe(400);
    expect((await browser.visit('/sign-in?flow=')).status).toBe(400);
  });

  it('is answered once: of twenty submits one reaches the client, the others get 409', async () => {
    const { browser, url, consent } = await toConsent();
    const answers = await Promise.all(Array.from({ length: 20 }, () => browser.submit(consent, ALLOW)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([303, ...Array.from({ length: 19 }, () => 409)]);
    expect((await browser.visit(url)).status).toBe(409);
    expect((await browser.submit(consent, { decision: 'deny' })).status).toBe(409);
  });

  it('opened in another browser is refused there: 403, signed in or not, and goes on in its own', async () => {
    const { browser, url, consent } = await toConsent();
    const other = new Browser();
    expect((await other.visit(url)).status).toBe(403);
    const { url: theirs } = await toConsent(other);
    expect((await other.visit(theirs)).status).toBe(200);
    expect((await other.visit(url)).status).toBe(403);
    expect((await other.submit(consent, ALLOW)).status).toBe(403);
    expect(locationOf(await browser.submit(consent, ALLOW))).toContain('code=');
  });

  it("in one tab doesn't disturb the one in another", async () => {
    const browser = new Browser();
    const first = await toConsent(browser);
    const second = await open(browser);
    expect(second.page.forms.some(({ names }) => names.includes('decision'))).toBe(true);
    expect(locationOf(await browser.submit(first.consent, ALLOW))).toContain('code=');
    const again = formWith(await browser.visit(second.url), 'decision');
    expect(locationOf(await browser.submit(again, ALLOW))).toContain('code=');
  });
});

describe('the forms of a flow', () => {
  it("are taken with their own proof only: not without, not another flow's, not another form's", async () => {
    const first = await toConsent();
    const other = await toConsent();
    const { browser, consent, signIn } = first;
    for (const csrf of ['', 'nonsense', other.consent.hidden.csrf ?? '', signIn.hidden.csrf ?? '']) {
      const forged = await browser.submit(consent, { ...ALLOW, csrf });
      expect(forged.status).toBe(403);
    }
    expect((await browser.submit(consent, ALLOW)).status).toBe(303);
  });

  it('are not taken from a page of another site', async () => {
    const { browser, consent } = await toConsent();
    const body = new URLSearchParams({ ...consent.hidden, ...ALLOW });
    const headers = { origin: 'https://evil.example' };
    expect((await browser.visit(consent.action, { method: 'POST', body, headers })).status).toBe(403);
    expect((await browser.submit(consent, ALLOW)).status).toBe(303);
  });

  it('of one person are not taken once another is signed in', async () => {
    const { browser, url, consent } = await toConsent();
    await browser.submit({ action: '/sign-out', hidden: {}, names: [] });
    const signIn = formWith(await browser.visit(url), 'method');
    await browser.submit(signIn, { method: 'local', name: 'Eve' });
    expect((await browser.submit(consent, ALLOW)).status).toBe(403);
  });
});
