import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectLink } from '../../src/connections/client/ticket';
import { parseKeyring } from '../../src/crypto';
import { pass, startClock, stopClock } from '../fixtures/clock';
import { pressConnect, signIn, statusesOf, type World, worldWith } from '../fixtures/connections';
import { connectTo } from '../fixtures/mcp-server';
import { Caller } from '../fixtures/mcp-server-caller';
import { Browser, formWith, locationOf, type Page, textOf } from '../fixtures/worker';

/* The link to connect an account: for the person who got it, and nobody else. */

beforeEach(stopClock);
afterEach(() => {
  startClock();
  vi.unstubAllGlobals();
});

/** A client of a person without a connection, and the link that a call of it was answered with. */
async function linkOf(world: World, name: string) {
  const browser = new Browser(world.at);
  const client = await connectTo(world.at, 'tools', { browser, user: { name } });
  const { body } = await new Caller(client, 'tools').call('look');
  const [content] = (body.result?.content ?? []) as { text: string }[];
  const link = /http:\S+/.exec(content?.text ?? '')?.[0] ?? '';
  return { browser, client, link, body };
}

describe('a call without a connection', () => {
  test.each(['legacy', 'modern'] as const)(
    'is answered with what to do, and the server hears nothing (%s)',
    async (era) => {
      const world = worldWith();
      const { client, link } = await linkOf(world, `Asking ${era}`);
      const { status, body } = await new Caller(client, 'tools').call('look', { era });
      expect(status).toBe(200);
      expect(body.result).toMatchObject({
        isError: true,
        ...(era === 'modern' && { resultType: 'complete' }),
      });
      expect(link).toContain(`${world.at.origin}/connect/tools?ticket=`);
      const read = { method: 'resources/read', params: { uri: 'note://1' }, era };
      const refused = await new Caller(client, 'tools').send(read);
      expect(refused.body.error).toMatchObject({ code: -32010, data: { reason: 'not_connected' } });
      expect(world.asked).toEqual([]);
    },
  );

  test('works once the link was followed, by the same token', async () => {
    const world = worldWith();
    const { browser, client, link } = await linkOf(world, 'Following');
    const away = locationOf(await pressConnect(browser, link));
    expect((await browser.visit(world.provider.allow(away, 'following'))).status).toBe(200);
    expect((await new Caller(client, 'tools').call('look')).body.result?.isError).toBeUndefined();
    expect(world.server.callers.at(-1)).toBe('following');
  });

  test('sends nothing by GET, DELETE and notifications either', async () => {
    const world = worldWith();
    const { client } = await linkOf(world, 'Others');
    const caller = new Caller(client, 'tools');
    expect((await caller.fetch({ http: 'GET' })).status).toBe(405);
    expect((await caller.fetch({ http: 'DELETE' })).status).toBe(204);
    expect((await caller.fetch({ method: 'notifications/initialized', id: null })).status).toBe(202);
    expect(world.asked).toEqual([]);
  });
});

describe('the link', () => {
  test('opened by somebody else says so, binds nothing, and lets them switch', async () => {
    const world = worldWith();
    const { link } = await linkOf(world, 'Victor');
    const mallory = new Browser(world.at);
    await signIn(mallory, 'Mallory');
    const page = await mallory.visit(locationOf(await mallory.visit(link)));
    expect(page.status).toBe(403);
    expect(textOf(page.html)).toContain('for someone else');
    expect(page.forms).toEqual([]);
    const flow = locationOf(await mallory.visit(link)).split('flow=')[1];
    const posted = await mallory.visit(`/connect/tools?flow=${flow}`, {
      method: 'POST',
      body: new URLSearchParams({ csrf: 'made up' }),
      headers: { origin: world.at.origin },
    });
    expect(posted.status).toBe(403);
    expect(world.asked).toEqual([]);
    expect(page.html).toMatch(/href="\/sign-in\?flow=/);
  });

  test('in a browser where nobody is signed in asks for that first, and then goes on', async () => {
    const world = worldWith();
    const { link } = await linkOf(world, 'Walter');
    const phone = new Browser(world.at);
    const signInPage = await phone.visit(locationOf(await phone.visit(link)));
    const signedIn = await phone.submit(formWith(signInPage, 'method'), { method: 'local', name: 'Walter' });
    const page = await phone.visit(locationOf(signedIn));
    const away = locationOf(await phone.submit(formWith(page, 'csrf')));
    expect((await phone.visit(world.provider.allow(away))).status).toBe(200);
    expect(await statusesOf(phone)).toMatchObject([{ status: 'connected' }]);
  });

  test('signed in there as another than it is for, binds nothing', async () => {
    const world = worldWith();
    const { link } = await linkOf(world, 'Wanda');
    const phone = new Browser(world.at);
    const signInPage = await phone.visit(locationOf(await phone.visit(link)));
    const signedIn = await phone.submit(formWith(signInPage, 'method'), { method: 'local', name: 'Trudy' });
    expect((await phone.visit(locationOf(signedIn))).status).toBe(403);
  });

  test('does nothing by being followed: only the button goes on', async () => {
    const world = worldWith();
    const { browser, link } = await linkOf(world, 'Clicking');
    const page = await browser.visit(locationOf(await browser.visit(link)));
    expect(page.status).toBe(200);
    expect(world.asked).toEqual([]);
    const forged = await browser.visit(formWith(page, 'csrf').action, {
      method: 'POST',
      body: new URLSearchParams(formWith(page, 'csrf').hidden),
      headers: { origin: 'https://evil.example' },
    });
    expect([forged.status, world.asked.length]).toEqual([403, 0]);
    const unproven = await browser.visit(formWith(page, 'csrf').action, {
      method: 'POST',
      body: new URLSearchParams(),
      headers: { origin: world.at.origin },
    });
    expect([unproven.status, world.asked.length]).toEqual([403, 0]);
  });

  test('ends after an hour, and for another server it is none', async () => {
    const world = worldWith(
      {},
      {},
      { other: { setting: { auth: 'api_key', url: 'https://other.example/mcp' } } },
    );
    const { browser, link } = await linkOf(world, 'Late');
    expect((await browser.visit(link.replace('/connect/tools', '/connect/other'))).status).toBe(400);
    expect((await browser.visit(`${link.slice(0, -4)}AAAA`)).status).toBe(400);
    pass(3600);
    expect((await browser.visit(link)).status).toBe(410);
  });

  test('carries no name and no secret', async () => {
    const keyring = parseKeyring(env.GATEHOUSE_KEYS ?? '');
    if (!keyring.ok) throw new Error('no keys');
    const deployment = { keyring: keyring.value, origin: 'https://gate.example' };
    const principal = { user: { id: 'a-user-id' }, identity: { provider: 'local' } };
    const { url: link, code } = await connectLink(deployment, principal, 'tools');
    expect(code).toBeUndefined();
    expect(link).not.toContain('a-user-id');
    expect(atob(link.split('.')[3]?.replace(/-/g, '+').replace(/_/g, '/') ?? '')).not.toContain('user');
  });
});

test('a server that needs no connection, or that this person may not know of, can’t be connected', async () => {
  const world = worldWith(
    { groups: ['staff'] },
    {},
    { plain: { setting: { auth: 'none', url: 'https://plain.example/mcp' } } },
  );
  const browser = new Browser(world.at);
  await signIn(browser, 'Outside');
  expect((await browser.visit('/connect/plain')).status).toBe(404);
  expect((await browser.visit('/connect/nothing')).status).toBe(404);
  expect((await browser.visit('/connect/tools')).status).toBe(404);
});

test('who guesses a name learns nothing: a server for some groups is as absent as one that there isn’t', async () => {
  const world = worldWith({ groups: ['staff'], title: 'Payroll' });
  const shape = ({ status, html, location }: Page, name: string) => ({
    status,
    location: location?.replace(name, 'NAME').replace(/flow=.*/, ''),
    html: html.replace(/value="[\w.-]{30,}"|[?&]flow=[\w-]+|[0-9a-f-]{36}/g, ''),
  });
  const seen = async (browser: Browser, name: string) => {
    const opened = await browser.visit(`/connect/${name}`);
    const page = opened.location === undefined ? opened : await browser.visit(opened.location);
    expect(page.html).not.toContain('Payroll');
    return [shape(opened, name), shape(page, name)];
  };
  const stranger = () => new Browser(world.at);
  expect(await seen(stranger(), 'tools')).toEqual(await seen(stranger(), 'nothing'));
  const outside = stranger();
  await signIn(outside, 'Outside');
  expect(await seen(outside, 'tools')).toEqual(await seen(outside, 'nothing'));
  // Who signs in on the way there, and may not use it.
  const signedInLater = async (name: string) => {
    const browser = stranger();
    const asked = await browser.visit(locationOf(await browser.visit(`/connect/${name}`)));
    const signedIn = await browser.submit(formWith(asked, 'method'), { method: 'local', name: 'Outside' });
    return shape(await browser.visit(locationOf(signedIn)), name);
  };
  expect(await signedInLater('tools')).toMatchObject({ status: 404 });
  expect(await signedInLater('tools')).toEqual(await signedInLater('nothing'));
});

test('somebody else’s link to a server for some groups doesn’t say what it is', async () => {
  const world = worldWith({ groups: ['staff'], title: 'Payroll' });
  const keyring = parseKeyring(env.GATEHOUSE_KEYS ?? '');
  if (!keyring.ok) throw new Error('no keys');
  const deployment = { keyring: keyring.value, origin: world.at.origin };
  const { url } = await connectLink(
    deployment,
    { user: { id: 'ada' }, identity: { provider: 'local' } },
    'tools',
  );
  const browser = new Browser(world.at);
  await signIn(browser, 'Outside');
  const page = await browser.visit(locationOf(await browser.visit(url)));
  expect(page.status).toBe(403);
  expect(page.html).not.toContain('Payroll');
});
