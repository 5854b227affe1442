import { afterEach, describe, expect, test, vi } from 'vitest';
import { worldWith } from '../../fixtures/connections';
import { plainServer } from '../../fixtures/mcp-server';
import { Browser, formWith, locationOf, type Page, textOf } from '../../fixtures/worker';
import { decide, openConsent } from '../pages';
import { begin, connect, formOf, KEY, leave, statusOf, tokensFrom } from './connect-accounts-walk';

const open = { setting: { auth: 'none' }, behind: plainServer() };
let people = 0;

/* The page Connect your accounts: between consent and the client, where a server needs an account of the person's own. */

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('the page Connect your accounts', () => {
  test('shows each chosen server that needs an account, and no other', async () => {
    const { services } = await begin();
    const said = textOf(services.html);
    expect(services.status).toBe(200);
    expect(said).toContain('Acme');
    expect(said).toContain('Keyed');
    expect(said).not.toContain('open');
    expect(services.html.length).toBeLessThan(20_000);
    const { services: fewer } = await begin({ server: ['keyed', 'open'] });
    expect(textOf(fewer.html)).not.toContain('Acme');
  });

  test('is not there when nothing chosen needs an account, or all is connected', async () => {
    const world = worldWith({}, {}, { open });
    const first = await openConsent({ gate: world.at, user: { name: 'Nothing to connect' } });
    expect(locationOf(await decide(first, { server: ['open'] }))).toContain('code=');
    const { browser, ...begun } = await begin({ server: ['keyed'] });
    await connect({ ...begun, browser }, 'keyed', { key: KEY });
    await leave({ ...begun, browser }, 'finish');
    const again = await openConsent({ gate: begun.world.at, browser });
    expect(locationOf(await decide(again, { server: ['keyed', 'open'] }))).toContain('code=');
  });

  test('before consent there is no way to it, and nobody is sent to a provider', async () => {
    const { browser, url, page, world } = await begin().then(async ({ world }) => ({
      ...(await openConsent({ gate: world.at, user: { name: `Nobody yet ${++people}` } })),
      world,
    }));
    const { csrf = '' } = formWith(page, 'decision').hidden;
    const address = `${url}&step=services`;
    expect(locationOf(await browser.visit(address))).toBe(url);
    for (const fields of [{ connect: 'tools' }, { decision: 'finish' }]) {
      const pressed = await browser.submit({ action: address, hidden: { csrf }, names: [] }, fields);
      expect(pressed.location).toBe(url);
    }
    expect(world.asked).toEqual([]);
  });

  test('a server that was not selected can’t be connected on it', async () => {
    const begun = await begin({ server: ['keyed'] });
    const pressed = await begun.browser.submit(formOf(begun.services, 'keyed'), { connect: 'tools' });
    expect([pressed.status, pressed.location]).toEqual([404, undefined]);
    expect(begun.world.asked.filter(({ url }) => url.includes('/authorize'))).toEqual([]);
  });

  test('what was allowed can’t be changed by its form', async () => {
    const begun = await begin({ scope: ['mcp:read'], server: ['keyed'] });
    const wider = { scope: ['mcp:destructive'], server: ['tools', 'open'], expires: '2099-01-01' };
    const left = await begun.browser.submit(formWith(begun.services, 'decision'), {
      decision: 'finish',
      ...wider,
    });
    const { scope } = await tokensFrom(begun, left);
    expect(scope).toBe('mcp:read');
    const grants = await begun.browser.visit('/api/grants');
    expect(JSON.parse(grants.html)).toMatchObject({ items: [{ scope: 'mcp:read', servers: ['keyed'] }] });
  });

  test('a form of another site, or without this page’s proof, does nothing', async () => {
    const { browser, services, world, at } = await begin();
    const form = formWith(services, 'decision');
    const body = new URLSearchParams({ ...form.hidden, decision: 'finish' });
    const headers = { origin: 'https://evil.example' };
    expect((await browser.visit(at, { method: 'POST', body, headers })).status).toBe(403);
    expect((await browser.submit({ ...form, hidden: {} }, { decision: 'finish' })).status).toBe(403);
    expect((await new Browser(world.at).visit(at)).status).toBe(403);
    expect((await browser.submit(form, { decision: 'finish' })).location).toContain('code=');
  });

  test('a button that doesn’t exist shows an error, and loses nothing', async () => {
    const begun = await begin();
    const odd = await begun.browser.submit(formWith(begun.services, 'decision'), { decision: 'allow' });
    expect(odd.status).toBe(400);
    expect(await leave({ ...begun, services: odd }, 'skip').then(locationOf)).toContain('code=');
  });
});

describe('connecting on it', () => {
  test('one press goes to the provider; coming back shows the row as connected; finish keeps it', async () => {
    const begun = await begin({ server: ['tools'] });
    const { browser, world, at } = begun;
    const away = locationOf(await connect(begun, 'tools'));
    expect(away.startsWith(`${world.provider.issuer}/authorize?`)).toBe(true);
    expect(locationOf(await browser.visit(world.provider.allow(away)))).toBe(at);
    const back = await browser.visit(at);
    expect(textOf(back.html)).toContain('connected');
    expect(back.html).not.toContain('name="connect"');
    expect(await statusOf(browser)).toMatchObject({ tools: 'not_connected' });
    await tokensFrom(begun, await leave({ ...begun, services: back }, 'finish'));
    expect(await statusOf(browser)).toMatchObject({ tools: 'connected' });
  });

  test('two tabs that are away at a provider both come back, in any order', async () => {
    const begun = await begin({ server: ['tools'] });
    const { browser, world, at } = begun;
    const aways = [locationOf(await connect(begun, 'tools')), locationOf(await connect(begun, 'tools'))];
    for (const away of aways) {
      expect(locationOf(await browser.visit(world.provider.allow(away)))).toBe(at);
      expect(textOf((await browser.visit(at)).html)).toContain('Everything is connected');
    }
    await tokensFrom(begun, await leave({ ...begun, services: await browser.visit(at) }, 'finish'));
    expect(await statusOf(browser)).toMatchObject({ tools: 'connected' });
  });

  test('a valid key is saved at the end; one that the server rejects shows an error, and can be corrected', async () => {
    const begun = await begin({ server: ['keyed'] });
    const wrong = await connect(begun, 'keyed', { key: 'sk-wrong' });
    expect(wrong.status).toBe(400);
    expect(textOf(wrong.html)).toContain('Keyed: The server rejected this key');
    expect(wrong.html).not.toContain('sk-wrong');
    const right = await connect({ ...begun, services: wrong }, 'keyed', { key: KEY });
    expect(locationOf(right)).toBe(begun.at);
    const back = await begun.browser.visit(begun.at);
    expect(textOf(back.html)).toContain('Everything is connected');
    await leave({ ...begun, services: back }, 'finish');
    expect(await statusOf(begun.browser)).toMatchObject({ keyed: 'connected', tools: 'not_connected' });
  });

  test('skip keeps what was connected, and leaves the rest for later', async () => {
    const begun = await begin();
    await connect(begun, 'keyed', { key: KEY });
    await tokensFrom(begun, await leave(begun, 'skip'));
    expect(await statusOf(begun.browser)).toMatchObject({ keyed: 'connected', tools: 'not_connected' });
  });

  test('a denial at the provider is shown on the page, once, and consent is not lost by it', async () => {
    const begun = await begin({ server: ['tools'] });
    const { browser, world, at } = begun;
    const away = locationOf(await connect(begun, 'tools'));
    const no = world.provider.allow(away, 'ada', { code: '', error: 'access_denied' });
    expect(locationOf(await browser.visit(no))).toBe(at);
    const told = await browser.visit(at);
    expect(textOf(told.html)).toContain('wasn’t connected. The server didn’t give access');
    expect(textOf((await browser.visit(at)).html)).not.toContain('wasn’t connected');
    const again = locationOf(await connect({ browser, services: told }, 'tools'));
    await browser.visit(world.provider.allow(again));
    await tokensFrom(begun, await leave({ ...begun, services: await browser.visit(at) }, 'finish'));
    expect(await statusOf(browser)).toMatchObject({ tools: 'connected' });
  });

  test('a provider that is down is shown on the page, and the rest still works', async () => {
    const begun = await begin();
    begun.world.provider.fetch = async () => new Response(null, { status: 503 });
    const down = await connect(begun, 'tools');
    expect(down.status).toBe(502);
    expect(textOf(down.html)).toContain('isn’t responding');
    await tokensFrom(begun, await leave({ ...begun, services: down }, 'skip'));
  });

  test('who closes the tab half way finds the page as it was', async () => {
    const begun = await begin({ server: ['tools'] });
    await connect(begun, 'tools');
    const back = await begun.browser.visit(begun.at);
    expect(textOf(back.html)).toContain('sign-in not finished');
    expect(back.html).toContain('name="connect"');
  });
});

describe('a request that waits at its services', () => {
  test('is finished once: a second press is 409, and so is a provider’s answer that comes too late', async () => {
    const begun = await begin();
    const { browser, world } = begun;
    const away = locationOf(await connect(begun, 'tools'));
    await tokensFrom(begun, await leave(begun, 'skip'));
    expect((await leave(begun, 'finish')).status).toBe(409);
    expect((await browser.visit(world.provider.allow(away))).status).toBe(409);
    expect((await decide(begun)).status).toBe(409);
    expect(world.provider.tokenRequests).toEqual([]);
  });

  test('twenty presses of Finish at once make one grant', async () => {
    const begun = await begin();
    const left = await Promise.all(Array.from({ length: 20 }, () => leave(begun, 'finish')));
    expect(left.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(left.filter(({ status }) => status === 409)).toHaveLength(19);
    const { items } = JSON.parse((await begun.browser.visit('/api/grants')).html) as { items: unknown[] };
    expect(items).toHaveLength(1);
  });

  test('a double click on Allow leads to the one page, and nothing is granted before Finish', async () => {
    const begun = await begin();
    expect(locationOf(await decide(begun, { server: ['tools'] }))).toBe(begun.at);
    expect(JSON.parse((await begun.browser.visit('/api/grants')).html)).toMatchObject({ items: [] });
  });

  test('the Back button shows the earlier choice, and the new decision counts', async () => {
    const begun = await begin({ scope: ['mcp:read'], server: ['tools'], expires: tomorrow() });
    const { browser, url } = begun;
    const consent = await browser.visit(url);
    const box = (value: string) => new RegExp(`<input[^>]*value="${value}"[^>]*>`).exec(consent.html)?.[0];
    expect([box('mcp:read'), box('tools')].map((tag) => tag?.includes('checked'))).toEqual([true, true]);
    expect([box('mcp:write'), box('keyed')].map((tag) => tag?.includes('checked'))).toEqual([false, false]);
    expect(box(tomorrow())).toBeDefined();
    await decide({ browser, page: consent }, { scope: ['mcp:write'], server: ['keyed'] });
    const left = await leave({ ...begun, services: await browser.visit(begun.at) }, 'skip');
    expect((await tokensFrom(begun, left)).scope).toBe('mcp:read mcp:write');
  });

  test('Cancel after all, on the consent page, drops what was connected', async () => {
    const begun = await begin();
    const { browser, url } = begun;
    await connect(begun, 'keyed', { key: KEY });
    const denied = await decide({ browser, page: await browser.visit(url) }, { decision: 'deny' });
    expect(locationOf(denied)).toContain('error=access_denied');
    expect(await statusOf(browser)).toMatchObject({ keyed: 'not_connected' });
    expect((await leave(begun, 'finish')).status).toBe(409);
  });

  test('another identity gets nothing of it, nor does the first one who comes back', async () => {
    const begun = await begin();
    const { browser, at, url, user } = begun;
    await connect(begun, 'keyed', { key: KEY });
    /** Switches on the page at hand, and allows the keyed server as somebody else. */
    const goOnAs = async (page: Page, name: string) => {
      expect(locationOf(await browser.submit(formWith(page, 'flow')))).toBe(url);
      const signedIn = formWith(await browser.visit(url), 'method');
      expect(locationOf(await browser.submit(signedIn, { method: 'local', name }))).toBe(url);
      expect(locationOf(await browser.visit(at))).toBe(url);
      await decide({ browser, page: await browser.visit(url) }, { server: ['keyed'] });
      return browser.visit(at);
    };
    const theirs = await goOnAs(begun.services, `${user}’s guest`);
    expect(textOf(theirs.html)).not.toContain('Everything is connected');
    const again = await goOnAs(theirs, user);
    expect(textOf(again.html)).not.toContain('Everything is connected');
    await leave({ ...begun, services: again }, 'finish');
    expect(await statusOf(browser)).toMatchObject({ keyed: 'not_connected' });
  });

  test('a choice holds for the sign-in that made it: the same person, signed in again, is asked again', async () => {
    const { browser, at, url, user, services } = await begin();
    const flow = formWith(services, 'flow').hidden.flow ?? '';
    const signInPage = await browser.visit(`/sign-in?flow=${flow}`);
    await browser.submit(formWith(signInPage, 'method'), { method: 'local', name: user });
    expect(locationOf(await browser.visit(at))).toBe(url);
  });

  test('dies after its time, and leaves nothing', async () => {
    const begun = await begin();
    await connect(begun, 'keyed', { key: KEY });
    vi.useFakeTimers({ now: Date.now() + 901_000, toFake: ['Date'] });
    const late = await leave(begun, 'finish');
    vi.useRealTimers();
    expect(late.status).toBe(410);
    expect(await statusOf(begun.browser)).toMatchObject({ keyed: 'not_connected' });
  });
});

function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
}
