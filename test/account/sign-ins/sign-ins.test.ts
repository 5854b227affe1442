import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { authorize, Browser, callMcp, connect, formWith, gateWith, locationOf } from '../../fixtures/worker';

beforeEach(stopClock);
afterEach(startClock);

const COOKIE = 'gatehouse-sign-in';

async function signIn(browser: Browser, fields: Record<string, string>): Promise<Browser> {
  const page = await browser.visit(locationOf(await browser.visit('/sign-in')));
  await browser.submit(formWith(page, 'method'), { method: 'local', ...fields });
  return browser;
}

/** Whether the gate knows who is at that browser. */
async function isSignedIn(browser: Browser, name: string): Promise<boolean> {
  const page = await browser.visit('/sign-in');
  return page.status === 200 && page.html.includes(name);
}

function cookieOf(browser: Browser) {
  const [userId = '', id = '', secret = '', signature = ''] = (browser.cookies.get(COOKIE) ?? '').split('.');
  return { userId, id, secret, signature, account: env.ACCOUNT.getByName(userId) };
}

describe('a sign-in', () => {
  it('lasts twelve hours and no longer', async () => {
    const browser = await signIn(new Browser(), { name: 'Twelve' });
    pass(12 * 3600 - 1);
    expect(await isSignedIn(browser, 'Twelve')).toBe(true);
    pass(1);
    expect(await isSignedIn(browser, 'Twelve')).toBe(false);
  });

  it('lasts as long as TOKENS.sign_in says', async () => {
    const browser = new Browser(gateWith({ TOKENS: { sign_in: 1 } }));
    await signIn(browser, { name: 'Brief' });
    expect(await isSignedIn(browser, 'Brief')).toBe(true);
    pass(1);
    expect(await isSignedIn(browser, 'Brief')).toBe(false);
  });

  it('that is ended from elsewhere is over for the very next request', async () => {
    const [here, there] = [new Browser(), new Browser()];
    await signIn(here, { name: 'Elsewhere' });
    await signIn(there, { name: 'Elsewhere' });
    const { account, id } = cookieOf(there);
    expect(await account.endSignIn(id)).toBe(true);
    expect(await account.endSignIn(id)).toBe(false);
    expect(await isSignedIn(there, 'Elsewhere')).toBe(false);
    expect(await isSignedIn(here, 'Elsewhere')).toBe(true);
  });

  it('is not proven by its id without its secret', async () => {
    const browser = await signIn(new Browser(), { name: 'Secretive' });
    const { account, id, secret } = cookieOf(browser);
    expect(await account.checkSignIn(id, secret)).toMatchObject({
      ok: true,
      value: { identity: { name: 'Secretive' } },
    });
    for (const [otherId, otherSecret] of [
      [id, 'another'],
      [id, ''],
      ['another', secret],
    ] as const) {
      const refused = { ok: false, error: { reason: 'sign_in_ended' } };
      expect(await account.checkSignIn(otherId, otherSecret)).toEqual(refused);
    }
  });

  it('is not proven by a cookie that was altered in any part', async () => {
    const browser = await signIn(new Browser(), { name: 'Altered' });
    const parts = (browser.cookies.get(COOKIE) ?? '').split('.');
    expect(parts).toHaveLength(4);
    for (const place of parts.keys()) {
      const altered = parts.with(place, `${parts[place]?.slice(0, -2)}xx`).join('.');
      browser.cookies.set(COOKIE, altered);
      expect(await isSignedIn(browser, 'Altered')).toBe(false);
    }
    browser.cookies.set(COOKIE, `${parts.join('.')}.more`);
    expect(await isSignedIn(browser, 'Altered')).toBe(false);
    browser.cookies.set(COOKIE, parts.join('.'));
    expect(await isSignedIn(browser, 'Altered')).toBe(true);
  });

  it('is forgotten by the alarm once it is over', async () => {
    const browser = await signIn(new Browser(), { name: 'Forgotten' });
    const { account } = cookieOf(browser);
    expect(await runDurableObjectAlarm(account)).toBe(true);
    pass(12 * 3600 + 1);
    expect(await runDurableObjectAlarm(account)).toBe(true);
    expect(await runDurableObjectAlarm(account)).toBe(false);
  });

  it('by sign-out is over on the server, a copied cookie included, and the apps go on', async () => {
    const { tokens, browser } = await connect({ user: { name: 'Leaving' } });
    const copied = new Browser();
    copied.cookies.set(COOKIE, browser.cookies.get(COOKIE) ?? '');
    expect(await isSignedIn(copied, 'Leaving')).toBe(true);
    await browser.submit({ action: '/sign-out', hidden: {}, names: [] });
    expect(browser.cookies.has(COOKIE)).toBe(false);
    expect(await isSignedIn(copied, 'Leaving')).toBe(false);
    expect((await callMcp(tokens.access_token)).status).toBe(200);
  });

  it('is of one person: the next authorization in that browser asks no name again', async () => {
    const { browser } = await connect({ user: { name: 'Known' } });
    const again = await authorize({ browser, user: { name: 'Somebody else' } });
    expect(again.code.split(':')[0]).toBe(cookieOf(browser).userId);
  });

  it('brings what is known of the person up to date, for tokens that exist already too', async () => {
    const rules = gateWith({ ROLES: [{ role: 'viewer', provider: 'local', groups: ['guests'] }] });
    const { tokens } = await connect({ gate: rules, user: { name: 'Changing' } });
    const role = async () => {
      const { body } = await callMcp(tokens.access_token, { gate: rules });
      return (body as { result: { structuredContent: object } }).result.structuredContent;
    };
    expect(await role()).toMatchObject({ role: 'owner', scope: 'mcp:read mcp:write' });
    await signIn(new Browser(rules), { name: 'Changing', groups: 'guests', email: 'c@acme.com' });
    expect(await role()).toMatchObject({ role: 'viewer', scope: 'mcp:read', user: { email: 'c@acme.com' } });
  });
});
