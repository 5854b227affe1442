import { afterEach, describe, expect, test, vi } from 'vitest';
import { signIn, statusesOf, type World, worldWith } from '../../fixtures/connections';
import { plainServer, realServer, scripted } from '../../fixtures/mcp-server';
import { Browser, locationOf, type Page, textOf } from '../../fixtures/worker';

/* `/account` and `/account/connections`: what a person sees and does about their own accounts at servers. */

afterEach(() => {
  vi.unstubAllGlobals();
});

const PATH = '/account/connections';
const KEY = 'sk-the-right-one';

function keyedServer() {
  const real = realServer();
  return scripted((request) => {
    if (request.headers.get('authorization') !== `Bearer ${KEY}`) return new Response(null, { status: 401 });
    const { url, method, headers, text } = request;
    return real.fetch(new Request(url, { method, headers, ...(text === '' ? {} : { body: text }) }));
  });
}

const MORE = {
  keyed: { behind: keyedServer(), setting: { auth: 'api_key', title: 'Keyed' } },
  open: { behind: plainServer(), setting: { title: 'Open to all' } },
  secret: { behind: plainServer(), setting: { auth: 'api_key', title: 'Secret', groups: ['staff'] } },
};

let people = 0;
async function begin() {
  const world = worldWith({}, {}, MORE);
  const browser = new Browser(world.at);
  const name = `Owner ${++people}`;
  await signIn(browser, name);
  return { world, browser, name, page: await browser.visit(PATH) };
}

/** Presses a button of the page: `connect` or `disconnect` of a server. */
function press(browser: Browser, page: Page, fields: Record<string, string>): Promise<Page> {
  const [button = ''] = Object.keys(fields);
  const form = page.forms.find(({ names }) => names.includes(button));
  if (!form) throw new Error(`no ${button} on the page: ${textOf(page.html)}`);
  return browser.submit(form, fields);
}

async function connectTools(world: World, browser: Browser): Promise<Page> {
  const away = locationOf(await press(browser, await browser.visit(PATH), { connect: 'tools' }));
  return browser.visit(world.provider.allow(away));
}

const statusOf = async (browser: Browser) =>
  Object.fromEntries((await statusesOf(browser)).map(({ server, status }) => [server, status]));

describe('/account', () => {
  test.each(['/account', PATH])('%s asks who is there, and goes on to it', async (path) => {
    const { world } = await begin();
    const browser = new Browser(world.at);
    const asked = await browser.visit(locationOf(await browser.visit(path)));
    const form = asked.forms.find(({ names }) => names.includes('method'));
    if (!form) throw new Error('no sign-in');
    const signedIn = await browser.submit(form, { method: 'local', name: 'Newcomer' });
    expect(locationOf(signedIn)).toBe(path);
    expect((await browser.visit(path)).status).toBe(200);
  });

  test('leads to the pages that there are, and out', async () => {
    const { browser, name } = await begin();
    const { html, forms } = await browser.visit('/account');
    expect(textOf(html)).toContain(name);
    const links = [...html.matchAll(/href="(\/account\/[^"]*)"/g)].map(([, href]) => href ?? '');
    expect(links).toContain(PATH);
    for (const link of links) expect((await browser.visit(link)).status).toBe(200);
    expect(forms.map(({ action }) => action)).toEqual(['/sign-out']);
  });
});

describe('the connections page', () => {
  test('shows what the person may connect, and nothing of what they may not know of', async () => {
    const { page } = await begin();
    const said = textOf(page.html);
    expect(said).toContain('Acme');
    expect(said).toContain('Keyed');
    expect(page.html).not.toMatch(/Secret|secret"|Open to all/);
    expect(page.html.length).toBeLessThan(20_000);
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });

  test('connecting goes to the provider and comes back here, connected', async () => {
    const { world, browser } = await begin();
    expect(locationOf(await connectTools(world, browser))).toBe(PATH);
    expect(textOf((await browser.visit(PATH)).html)).toMatch(/Acme \d+ connected/);
    expect(await statusOf(browser)).toMatchObject({ tools: 'connected', keyed: 'not_connected' });
  });

  test('connecting again replaces that connection and leaves the others alone', async () => {
    const { world, browser, page } = await begin();
    await press(browser, page, { connect: 'keyed', key: KEY });
    await connectTools(world, browser);
    const [first] = [...world.provider.access.keys()];
    await connectTools(world, browser);
    expect([...world.provider.access.keys()].filter((token) => token !== first)).toHaveLength(1);
    expect(await statusOf(browser)).toMatchObject({ tools: 'connected', keyed: 'connected' });
  });

  test('disconnecting ends it here and at the provider, and leaves the others alone', async () => {
    const { world, browser, page } = await begin();
    await press(browser, page, { connect: 'keyed', key: KEY });
    await connectTools(world, browser);
    const ended = await press(browser, await browser.visit(PATH), { disconnect: 'tools' });
    expect(locationOf(ended)).toBe(PATH);
    expect(world.provider.revocations).toHaveLength(1);
    expect(await statusOf(browser)).toMatchObject({ tools: 'not_connected', keyed: 'connected' });
  });

  test('a key that the server rejects shows an error and is not saved, nor shown', async () => {
    const { browser, page } = await begin();
    const refused = await press(browser, page, { connect: 'keyed', key: 'sk-wrong' });
    expect(refused.status).toBe(400);
    expect(textOf(refused.html)).toContain('Keyed: The server rejected this key');
    expect(refused.html).not.toContain('sk-wrong');
    expect(await statusOf(browser)).toMatchObject({ keyed: 'not_connected' });
  });

  test('a denial at the provider is shown here, and the button is still there', async () => {
    const { world, browser, page } = await begin();
    const away = locationOf(await press(browser, page, { connect: 'tools' }));
    const no = world.provider.allow(away, 'ada', { code: '', error: 'access_denied' });
    const told = await browser.visit(locationOf(await browser.visit(no)));
    expect(textOf(told.html)).toContain('wasn’t connected');
    expect(locationOf(await press(browser, told, { connect: 'tools' }))).toContain(world.provider.issuer);
  });

  test('a provider that is down is shown here', async () => {
    const { world, browser, page } = await begin();
    world.provider.fetch = async () => new Response(null, { status: 503 });
    const down = await press(browser, page, { connect: 'tools' });
    expect(down.status).toBe(502);
    expect(textOf(down.html)).toContain('isn’t responding');
  });

  test('what was cancelled half way is still only one’s own: no other browser can finish it', async () => {
    const { world, browser, page } = await begin();
    const away = locationOf(await press(browser, page, { connect: 'tools' }));
    const other = new Browser(world.at);
    await signIn(other, `Owner ${++people}`);
    expect((await other.visit(world.provider.allow(away))).status).toBe(403);
    expect(await statusOf(other)).toMatchObject({ tools: 'not_connected' });
  });

  test('a connection whose server is gone can be seen and removed', async () => {
    const { world, browser, name, page } = await begin();
    await press(browser, page, { connect: 'keyed', key: KEY });
    const { asked: _, ...without } = worldWith();
    const later = new Browser(without.at);
    await signIn(later, name);
    const orphaned = await later.visit(PATH);
    expect(textOf(orphaned.html)).toContain('server removed');
    expect(textOf(orphaned.html)).toContain('Remove');
    await press(later, orphaned, { disconnect: 'keyed' });
    expect(textOf((await later.visit(PATH)).html)).not.toContain('gone');
    expect(await statusOf(browser)).toMatchObject({ keyed: 'not_connected' });
    expect(world.provider.revocations).toEqual([]);
  });

  test('forms of other sites, of other sign-ins, and without proof change nothing', async () => {
    const { world, browser, page } = await begin();
    await connectTools(world, browser);
    const before = await browser.visit(PATH);
    const form = before.forms.find(({ names }) => names.includes('disconnect'));
    if (!form) throw new Error('no form');
    const body = new URLSearchParams({ ...form.hidden, disconnect: 'tools' });
    const evil = { method: 'POST', body, headers: { origin: 'https://evil.example' } };
    expect((await browser.visit(PATH, evil)).status).toBe(403);
    expect((await browser.submit({ ...form, hidden: {} }, { disconnect: 'tools' })).status).toBe(403);
    const other = new Browser(world.at);
    await signIn(other, `Owner ${++people}`);
    expect((await other.submit(form, { disconnect: 'tools' })).status).toBe(403);
    expect((await new Browser(world.at).submit(form, { disconnect: 'tools' })).status).toBe(403);
    expect(await statusOf(browser)).toMatchObject({ tools: 'connected' });
    for (const name of ['open', 'secret', 'nowhere'])
      expect((await press(browser, page, { connect: name, key: KEY })).status).toBe(404);
  });
});

describe('many servers', () => {
  test('come in pages that weigh little', async () => {
    const description = 'A service with a long description, as people write them, '.repeat(4);
    const many = Object.fromEntries(
      Array.from({ length: 25 }, (_, n) => [
        `service-${n}`,
        { behind: plainServer(), setting: { auth: 'api_key', title: `Service number ${n}`, description } },
      ]),
    );
    const world = worldWith({}, {}, many);
    const browser = new Browser(world.at);
    await signIn(browser, `Owner ${++people}`);
    const seen = new Set<string>();
    for (let path: string | undefined = PATH; path !== undefined; ) {
      const { html } = await browser.visit(path);
      expect(html.length).toBeLessThan(20_000);
      for (const [, name = ''] of html.matchAll(/name="connect" value="([^"]*)"/g)) seen.add(name);
      const next: string | undefined = /href="(\?from=\d+)"/.exec(html)?.[1];
      path = next === undefined ? undefined : `${PATH}${next}`;
    }
    expect(seen.size).toBe(26);
  });
});
