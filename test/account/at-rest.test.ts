import { listDurableObjectIds, runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeKeyringText } from '../../src/crypto';
import { startClock, stopClock } from '../fixtures/clock';
import { dumpAll } from '../fixtures/dump-all';
import {
  authorize,
  Browser,
  formWith,
  gateWith,
  locationOf,
  makePkce,
  openAuthorization,
  postForm,
  redeem,
  refresh,
  registerClient,
  tokensOf,
} from '../fixtures/worker';
import { answer, confirmCode, poll, startDevice } from '../oauth/device/devices';
import { TOKEN_EXCHANGE, TYPE } from '../oauth/token/issuers';

beforeEach(stopClock);
afterEach(startClock);

it('nothing that opens a door is stored in clear, in KV or in any object', async () => {
  const client = await registerClient();
  const browser = new Browser();
  const authorized = await authorize({ client, browser, user: { name: 'Ada Lovelace' } });
  const tokens = tokensOf(await redeem(authorized));
  const next = tokensOf(await refresh(authorized, tokens.refresh_token));
  const last = tokensOf(await refresh(authorized, next.refresh_token));
  const unredeemed = await authorize({ client, browser });
  const { code_challenge } = await makePkce();
  await openAuthorization(new Browser(), client, { code_challenge, state: 'a-state-of-the-client' });

  const waiting = await startDevice();
  const allowed = await startDevice({ client: waiting.client });
  await answer(await confirmCode(allowed, { browser, name: 'Ada Lovelace' }));
  const onDevice = tokensOf(await poll(allowed));
  const exchange = { grant_type: TOKEN_EXCHANGE, client_id: client.client_id };
  const subject = { subject_token: last.access_token, subject_token_type: `${TYPE}access_token` };
  const exchanged = await postForm('/oauth/token', { ...exchange, ...subject });

  const [account] = await listDurableObjectIds(env.ACCOUNT);
  const stub = env.ACCOUNT.get(account ?? env.ACCOUNT.newUniqueId());
  const queued = await dumpAll();
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  const everything = queued + (await dumpAll());

  // The search itself: what is no secret is found, hashes included.
  expect(everything).toContain('Ada Lovelace');
  expect(everything).toContain(client.client_id);
  expect(everything).toContain(`grant:${authorized.code.split(':').slice(0, 2).join(':')}`);

  const doors = [
    String(exchanged.body.access_token),
    ...[waiting, allowed].flatMap(({ device_code }) => [device_code, device_code.split('.')[1] ?? '']),
    ...[tokens, next, last, onDevice].flatMap((set) => [set.access_token, set.refresh_token]),
    ...[authorized, unredeemed].flatMap(({ code, code_verifier }) => [code, code_verifier]),
    ...browser.cookies.values(),
    ...[...browser.cookies.values()].map((cookie) => cookie.split('.')[2] ?? cookie),
    'a-state-of-the-client',
    ...Object.values(JSON.parse(env.GATEHOUSE_KEYS ?? '{}') as Record<string, string>),
  ];
  for (const { user_code } of [waiting, allowed]) {
    expect(everything).not.toContain(user_code);
    expect(everything).not.toContain(user_code.replace('-', ''));
  }
  expect(doors.every((door) => door.length >= 20)).toBe(true);
  for (const door of doors) {
    expect(everything).not.toContain(door);
    // The last part is what can't be guessed.
    expect(everything).not.toContain(door.split(':').at(-1));
  }
});

it("what is sealed under one deployment's keys stays shut under another's", async () => {
  const client = await registerClient();
  const browser = new Browser();
  const { code_challenge } = await makePkce();
  const { page, url } = await openAuthorization(browser, client, { code_challenge });
  expect(page.status).toBe(200);
  const ids = (JSON.parse(env.GATEHOUSE_KEYS ?? '{}') as { ids: string }).ids;
  const other = JSON.stringify({ ...(JSON.parse(makeKeyringText('2027-01')) as object), ids });
  const changed = new Browser(gateWith({ GATEHOUSE_KEYS: other }));
  for (const [name, value] of browser.cookies) changed.cookies.set(name, value);
  expect((await changed.visit(url)).status).toBe(410);
});

it('a key that is added seals from then on, and what the old one sealed goes on', async () => {
  const client = await registerClient();
  const browser = new Browser();
  const { code_challenge } = await makePkce();
  const { url } = await openAuthorization(browser, client, { code_challenge });
  const old = JSON.parse(env.GATEHOUSE_KEYS ?? '{}') as object;
  const [fresh] = Object.values(JSON.parse(makeKeyringText('2027-01')) as object);
  const rotated = new Browser(gateWith({ GATEHOUSE_KEYS: JSON.stringify({ '2027-01': fresh, ...old }) }));
  for (const [name, value] of browser.cookies) rotated.cookies.set(name, value);
  const page = await rotated.visit(url);
  const signedIn = await rotated.submit(formWith(page, 'method'), { method: 'local', name: 'Rotated' });
  const consent = await rotated.visit(locationOf(signedIn));
  const decided = await rotated.submit(formWith(consent, 'decision'), {
    scope: 'mcp:read',
    decision: 'allow',
  });
  expect(locationOf(decided)).toContain('code=');
});
