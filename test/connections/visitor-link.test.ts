import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startClock, stopClock } from '../fixtures/clock';
import { pressConnect, signIn, statusesOf, type World, worldWith } from '../fixtures/connections';
import { signInBy } from '../fixtures/keys';
import { connectTo } from '../fixtures/mcp-server';
import { Caller } from '../fixtures/mcp-server-caller';
import { Browser, formWith, locationOf, type Page, textOf } from '../fixtures/worker';

/*
 * The link to connect an account, for a visitor: they can be signed in at one browser only, and their app may open
 * another, where the code that it shows takes its place.
 */

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.unstubAllGlobals();
});

const visitorWorld = () => worldWith({}, { SIGN_IN: { methods: ['local', 'skip'] } });

/** What a visitor's app shows when it meets a server that isn't connected. */
async function askedOf(world: World, label: string) {
  const browser = new Browser(world.at);
  await signInBy(browser, { method: 'skip', label });
  const client = await connectTo(world.at, 'tools', { browser, scope: ['mcp:read'] });
  const ask = async () => {
    const { body } = await new Caller(client, 'tools').call('look');
    const [content] = (body.result?.content ?? []) as { text: string }[];
    const text = content?.text ?? '';
    return {
      text,
      link: /http:\S+/.exec(text)?.[0] ?? '',
      code: /enter (\w{4}-\w{4})\.$/.exec(text)?.[1] ?? '',
    };
  };
  return { browser, client, ask, ...(await ask()) };
}

/** Opens a link in that browser, as far as the first page. */
async function open(browser: Browser, link: string): Promise<Page> {
  return browser.visit(locationOf(await browser.visit(link)));
}

/** Types a code into that page. */
async function type(browser: Browser, page: Page, user_code: string): Promise<Page> {
  return browser.submit(formWith(page, 'user_code'), { user_code });
}

describe('in the visitor’s own browser', () => {
  test('no code is asked for', async () => {
    const world = visitorWorld();
    const { browser, client, link } = await askedOf(world, 'Home');
    const away = locationOf(await pressConnect(browser, link));
    expect((await browser.visit(world.provider.allow(away, 'home'))).status).toBe(200);
    await new Caller(client, 'tools').call('look');
    expect(world.server.callers.at(-1)).toBe('home');
  });

  test('nor when the sign-in there has ended: they skip again, and are the same', async () => {
    const world = visitorWorld();
    const { browser, link } = await askedOf(world, 'Again');
    browser.cookies.delete('gatehouse-sign-in');
    const page = await open(browser, link);
    const back = await browser.submit(formWith(page, 'method'), { method: 'skip' });
    expect(formWith(await browser.visit(locationOf(back)), 'csrf').names).not.toContain('user_code');
  });
});

describe('in another browser', () => {
  test.each(['nobody', 'a user', 'another visitor'])(
    'where %s is signed in, the code connects the visitor, and nobody else',
    async (who) => {
      const world = visitorWorld();
      const { browser, client, link, code } = await askedOf(world, `Away, ${who}`);
      const elsewhere = new Browser(world.at);
      if (who === 'a user') await signIn(elsewhere, 'Ursula');
      if (who === 'another visitor') await signInBy(elsewhere, { method: 'skip', label: 'Other' });
      const page = await open(elsewhere, link);
      expect(textOf(page.html)).toContain('If someone sent you this link, close this page');
      const typed = await type(elsewhere, page, ` ${code.toLowerCase().replace('-', ' ')} `);
      const confirmed = await elsewhere.visit(locationOf(typed));
      expect(textOf(confirmed.html)).toContain('not verified');
      const away = locationOf(await elsewhere.submit(formWith(confirmed, 'csrf')));
      expect((await elsewhere.visit(world.provider.allow(away, 'by-code'))).status).toBe(200);

      await new Caller(client, 'tools').call('look');
      expect(world.server.callers.at(-1)).toBe('by-code');
      expect(await statusesOf(browser)).toMatchObject([{ status: 'connected' }]);
      if (who === 'nobody') expect((await elsewhere.visit('/api/connections')).status).toBe(401);
      else expect(await statusesOf(elsewhere)).toMatchObject([{ status: 'not_connected' }]);
    },
  );

  test('nothing goes on without the code', async () => {
    const world = visitorWorld();
    const { link } = await askedOf(world, 'Guarded');
    const elsewhere = new Browser(world.at);
    await signIn(elsewhere, 'Ursula');
    const page = await open(elsewhere, link);
    const form = formWith(page, 'user_code');
    const pressed = await elsewhere.submit(form, { user_code: '' });
    expect(pressed.status).toBe(400);
    // A form of the page behind the code, made without having seen it.
    const skipped = await elsewhere.visit(form.action, {
      method: 'POST',
      body: new URLSearchParams(form.hidden),
      headers: { origin: world.at.origin },
    });
    expect(skipped.status).toBe(400);
    expect(world.asked).toEqual([]);
  });

  test('the code of another link is wrong, and after five wrong ones the flow is over', async () => {
    const world = visitorWorld();
    const { ask, link, code } = await askedOf(world, 'Guessed');
    const other = await ask();
    expect(other.code).not.toBe(code);
    const elsewhere = new Browser(world.at);
    const page = await open(elsewhere, link);
    for (const _ of [1, 2, 3, 4]) {
      const wrong = await type(elsewhere, page, other.code);
      expect(wrong.status).toBe(400);
      expect(textOf(wrong.html)).toContain('That isn’t the right code');
    }
    expect(textOf((await type(elsewhere, page, other.code)).html)).toContain('Too many wrong codes');
    expect((await type(elsewhere, page, code)).status).toBe(409);
  });

  test('of forty guesses at once five are tried, and no other browser that opens the link has more', async () => {
    const world = visitorWorld();
    const { ask, link, code } = await askedOf(world, 'Guessed at once');
    const other = await ask();
    const elsewhere = new Browser(world.at);
    const page = await open(elsewhere, link);
    const pages = await Promise.all(Array.from({ length: 40 }, () => type(elsewhere, page, other.code)));
    const tried = pages.filter(({ html }) => textOf(html).includes('That isn’t the right code'));
    const last = pages.filter(({ html }) => textOf(html).includes('Too many wrong codes'));
    expect([tried.length, last.length > 0]).toEqual([4, true]);
    expect((await type(elsewhere, page, code)).status).not.toBe(303);
    const again = new Browser(world.at);
    expect((await type(again, await open(again, link), code)).status).toBe(400);
    const next = await ask();
    const allowed = new Browser(world.at);
    expect((await type(allowed, await open(allowed, next.link), next.code)).status).toBe(303);
  });

  test('a form of another site confirms nothing', async () => {
    const world = visitorWorld();
    const { link, code } = await askedOf(world, 'Forged');
    const elsewhere = new Browser(world.at);
    const form = formWith(await open(elsewhere, link), 'user_code');
    const post = (headers: Record<string, string>, hidden: Record<string, string>) =>
      elsewhere.visit(form.action, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ ...hidden, user_code: code }),
      });
    expect((await post({ origin: 'https://evil.example' }, form.hidden)).status).toBe(403);
    expect((await post({ origin: world.at.origin }, {})).status).toBe(403);
  });

  test('it is over when the visitor has become a user', async () => {
    const world = visitorWorld();
    const { browser, link, code } = await askedOf(world, 'Moving');
    const elsewhere = new Browser(world.at);
    const page = await open(elsewhere, link);
    const signInPage = await browser.visit(locationOf(await browser.visit('/sign-in?as=user')));
    const asked = await browser.submit(formWith(signInPage, 'method'), { method: 'local', name: 'Moira' });
    const offer = await browser.visit(locationOf(asked));
    await browser.submit(formWith(offer, 'decision'), { decision: 'take' });
    const confirmed = await elsewhere.visit(locationOf(await type(elsewhere, page, code)));
    expect(confirmed.status).toBe(410);
    expect(world.asked).toEqual([]);
  });
});
