import type { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { RunningOrchard } from '../../scripts/lib/orchard';
import { connectModern, connectOne, connectTwo, type FullClient } from '../fixtures/full-clients';
import { faultsOf } from './harness/audit';
import { launchBrowser } from './harness/browser';
import type { Gate } from './harness/gate';
import { grant } from './harness/oauth';
import { press, sees } from './harness/person';
import { servicesGate } from './harness/shared';
import { walk } from './harness/walk';

/*
 * An app at `/mcp`, or at the server's own endpoint, of a person who skipped connecting their account: it is
 * connected when it is needed first.
 */

let gate: Gate;
let orchard: RunningOrchard;
beforeAll(async () => {
  ({ gate, orchard } = await servicesGate());
});

/** Where an app is, what its tools' names begin with there, and what it sees before the server is connected. */
interface Place {
  path: string;
  prefix: string;
  locked: string[];
}
const MERGED: Place = { path: '/mcp', prefix: 'orchard_', locked: ['whoami', 'orchard_connect'] };
const ALONE: Place = { path: '/mcp/orchard', prefix: '', locked: ['orchard_connect'] };

const newWalker = () => walk(gate, { also: [orchard.origin] });

/** A person's browser, and the token of an app that they allowed; the services page was skipped. */
async function allowed(name: string, { path }: Place, scope = 'mcp:destructive', walker = newWalker()) {
  const { tokens } = await grant(gate, name, {
    walker,
    params: { resource: `${gate.origin}${path}` },
    choices: { scopes: [scope], servers: ['orchard'] },
  });
  return { walker, token: tokens.access_token };
}

/** Opens a connect link as whoever is at this browser, and lets the gate in at the orchard. */
async function follow(walker: ReturnType<typeof walk>, link: string, account: string) {
  await walker.open(link);
  await walker.submit(walker.form('csrf'), {});
  return walker.submit(walker.form('account'), { account, decision: 'allow' });
}

const linkIn = (text: string) => /https?:\/\/\S+\/connect\/orchard\?ticket=[\w.-]+/.exec(text)?.[0] ?? '';
const namesOf = async ({ client }: FullClient) => (await client.listTools()).tools.map(({ name }) => name);

describe.each([
  ['the 1.x client', connectOne, MERGED],
  ['the 2.x client in a session', connectTwo, MERGED],
  ['the 1.x client', connectOne, ALONE],
  ['the 2.x client in a session', connectTwo, ALONE],
])('%s', (label, connect, place) => {
  test(`at ${place.path} gets the link, then a notification, and the same call works`, async () => {
    const { walker, token } = await allowed(`Ada of ${label} at ${place.path}`, place);
    const app = await connect(`${gate.origin}${place.path}`, { bearer: () => token });
    onTestFinished(() => app.client.close());
    expect(await namesOf(app)).toEqual(place.locked);
    // It can open links: the call says which one, by the protocol's own error.
    const refused: unknown = await app.call(`${place.prefix}whose_orchard`).catch((error: unknown) => error);
    const link = linkIn(JSON.stringify((refused as UrlElicitationRequiredError).data ?? refused));
    expect(link).not.toBe('');
    expect((await follow(walker, link, 'Ada')).status).toBe(200);
    await app.exchange.notified('notifications/elicitation/complete');
    await app.exchange.notified('notifications/tools/list_changed');
    expect(await namesOf(app)).toContain(`${place.prefix}plant_tree`);
    expect(JSON.stringify(await app.call(`${place.prefix}whose_orchard`))).toContain('Ada');
  });
});

test.each([MERGED, ALONE])(
  'the 2.x client without sessions at $path hears of the change, and the retry works',
  async (place) => {
    const { walker, token } = await allowed(`Grace at ${place.path}`, place);
    const app = await connectModern(`${gate.origin}${place.path}`, { bearer: () => token });
    onTestFinished(() => app.client.close());
    expect(await namesOf(app)).toEqual(place.locked);
    const listening = await app.two.listen({ toolsListChanged: true });
    onTestFinished(() => listening.close());
    const told = JSON.stringify(await app.call('orchard_connect'));
    expect((await follow(walker, linkIn(told), 'Grace')).status).toBe(200);
    await app.exchange.notified('notifications/tools/list_changed');
    expect(await namesOf(app)).toContain(`${place.prefix}plant_tree`);
    expect(JSON.stringify(await app.call(`${place.prefix}whose_orchard`))).toContain('Grace');
  },
);

test.each([MERGED, ALONE])(
  'a client at $path that can’t open links is told in words; somebody else’s browser binds nothing',
  async (place) => {
    const { walker, token } = await allowed(`Mary at ${place.path}`, place);
    const app = await connectOne(`${gate.origin}${place.path}`, { bearer: () => token }, {});
    onTestFinished(() => app.client.close());
    const told = (await app.call(`${place.prefix}plant_tree`, { kind: 'apple' })) as { isError?: boolean };
    expect(told.isError).toBe(true);
    const link = linkIn(JSON.stringify(told));
    const eve = newWalker();
    await eve.open('/sign-in');
    await eve.signInLocal('Eve');
    expect((await eve.open(link)).status).toBe(403);
    expect(await namesOf(app)).toEqual(place.locked);
    expect((await follow(walker, link, 'Mary')).status).toBe(200);
    expect(await namesOf(app)).toContain(`${place.prefix}plant_tree`);
    // Taken back at the account: the list goes back to the one tool.
    const url = new URL('/api/connections/orchard', gate.origin);
    const headers = { cookie: walker.cookies.header(url) ?? '', origin: gate.origin };
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(204);
    expect(await namesOf(app)).toEqual(place.locked);
  },
);

test('a visitor’s link in another browser takes the code that their app shows', async () => {
  const own = newWalker();
  await own.open('/sign-in');
  await own.submit(own.form('method', 'skip'), { method: 'skip', label: 'Vera' });
  const { token } = await allowed('Vera', MERGED, 'mcp:read', own);
  const app = await connectOne(`${gate.origin}/mcp`, { bearer: () => token }, {});
  onTestFinished(() => app.client.close());
  const told = JSON.stringify(await app.call('orchard_whose_orchard'));
  const code = /enter (\w{4}-\w{4})/.exec(told)?.[1] ?? '';

  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(linkIn(told));
  await sees(page, 'Enter the code from your app');
  expect(await faultsOf(page)).toEqual([]);
  await page.getByLabel('Code').fill('BCDF-GHJK');
  await press(page, 'Continue');
  await page.getByText('That isn’t the right code').waitFor();
  expect(await faultsOf(page)).toEqual([]);
  await page.getByLabel('Code').fill(code.toLowerCase());
  await press(page, 'Continue');
  await sees(page, 'Connect your Orchard account');
  expect(await page.innerText('main, body')).toContain('Vera (visitor, not verified)');
  expect(await faultsOf(page)).toEqual([]);
  await press(page, 'Continue to Orchard');
  await page.locator('[name=account]').fill('Vera');
  await page.locator('[name=decision][value=allow]').click();
  await sees(page, 'Orchard is connected');
  // Without a list in between.
  expect(JSON.stringify(await app.call('orchard_whose_orchard'))).toContain('Vera');
});
