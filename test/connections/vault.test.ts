import {
  createExecutionContext,
  runDurableObjectAlarm,
  runInDurableObject,
  waitOnExecutionContext,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import worker from '../../src';
import { makeKeyringText } from '../../src/crypto';
import { pass, startClock, stopClock } from '../fixtures/clock';
import { connectedClient, pressConnect, signIn, statusesOf, worldWith } from '../fixtures/connections';
import { dumpAll } from '../fixtures/dump-all';
import { realServer } from '../fixtures/mcp-server';
import { Caller } from '../fixtures/mcp-server-caller';
import { accountOf, Browser, locationOf } from '../fixtures/worker';

/* What stands in storage and logs of connections, and what changes of the master key do to it, through the Worker. */

const KEYS = env.GATEHOUSE_KEYS ?? '';

beforeEach(stopClock);
afterEach(() => {
  startClock();
  setKeys(KEYS);
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Another secret from now on, for Worker and objects, as after a deployment. */
function setKeys(text: string): void {
  Object.assign(env, { GATEHOUSE_KEYS: text });
}

async function runCron(): Promise<void> {
  const context = createExecutionContext();
  await worker.scheduled({ scheduledTime: Date.now(), cron: '', noRetry() {} }, env, context);
  await waitOnExecutionContext(context);
}

test('no secret that was used is in a dump of all storage, or in a log', async () => {
  const logged: string[] = [];
  for (const level of ['log', 'warn', 'error', 'info', 'debug'] as const) {
    vi.spyOn(console, level).mockImplementation((...args) => void logged.push(args.map(String).join(' ')));
  }
  const world = worldWith(
    {},
    { TOKENS: { access: 864_000 } },
    { keyed: { behind: realServer(), setting: { auth: 'api_key' } } },
  );
  const client = await connectedClient(world, 'Dumped');
  const call = () => new Caller(client, 'tools').call('look');
  await call();
  pass(4000);
  await call();
  pass(4000);
  world.provider.misbehave = (form) =>
    Response.json({ error: `echo ${form.get('refresh_token')}` }, { status: 400 });
  await call();
  world.provider.misbehave = () => undefined;
  const away = locationOf(await pressConnect(client.browser));
  const midway = await dumpAll();
  const back = world.provider.allow(away);
  await client.browser.visit(`${back}&error=access_denied&error_description=${world.provider.secrets[0]}`);
  const key = 'sk-a-key-that-a-person-pasted';
  expect((await pressConnect(client.browser, '/connect/keyed', { key })).status).toBe(200);
  await runDurableObjectAlarm(accountOf(client.tokens.access_token));
  const everything = [midway, await dumpAll(), ...logged].join('\n');

  const state = new URL(away).searchParams.get('state') ?? '';
  const basic = world.provider.tokenRequests.flatMap(
    ({ authorization }) => authorization?.split(' ')[1] ?? [],
  );
  const secrets = [...world.provider.secrets, key, state.split('.')[1] ?? '', ...basic];
  expect(secrets.length).toBeGreaterThan(10);
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(20);
    expect(everything).not.toContain(secret);
  }
  // The search itself, and that something is there to be found.
  expect(everything).toContain('connections:');
  expect(everything).toContain('connection_renewed');
  expect(logged.length).toBeGreaterThan(5);
});

test('with a new master key, old connections can be opened, and the cron reseals them; then the old key may go', async () => {
  const world = worldWith();
  const [one, two] = [await connectedClient(world, 'Idle'), await connectedClient(world, 'Busy')];
  for (const { tokens } of [one, two]) await runDurableObjectAlarm(accountOf(tokens.access_token));
  const { ids, ...old } = JSON.parse(KEYS) as Record<string, string>;
  const { ids: _, ...fresh } = JSON.parse(makeKeyringText('2027-01')) as Record<string, string>;
  const versions = async ({ tokens }: typeof one) =>
    runInDurableObject(accountOf(tokens.access_token), (_instance, { storage }) =>
      storage.sql
        .exec('SELECT key_version FROM connections')
        .toArray()
        .map(({ key_version }) => key_version),
    );

  // Behind: it opens, and nothing is sealed by it.
  setKeys(JSON.stringify({ ...old, ...fresh, ids }));
  await runCron();
  expect([await versions(one), await versions(two)]).toEqual([['2026-11'], ['2026-11']]);

  setKeys(JSON.stringify({ ...fresh, ...old, ids }));
  const look = (client: typeof one) => new Caller(client, 'tools').call('look');
  expect((await look(two)).body.result?.isError).toBeUndefined();
  expect([await versions(one), await versions(two)]).toEqual([['2026-11'], ['2027-01']]);
  await runCron();
  expect(await versions(one)).toEqual(['2027-01']);
  await runDurableObjectAlarm(accountOf(one.tokens.access_token));
  const log = vi.spyOn(console, 'log');
  await runDurableObjectAlarm(accountOf(two.tokens.access_token));
  await runCron();
  expect(log.mock.calls.map(([line]) => String(line)).at(-1)).toContain('"rewrapped":0');

  setKeys(JSON.stringify({ ...fresh, ids }));
  for (const client of [one, two]) expect((await look(client)).body.result?.isError).toBeUndefined();
  expect(world.server.callers.slice(-2)).toEqual(['Idle', 'Busy']);
});

test('without the old key a connection is reported as unreadable, and reconnecting replaces it', async () => {
  const world = worldWith();
  const client = await connectedClient(world, 'Locked out');
  const { ids } = JSON.parse(KEYS) as { ids: string };
  setKeys(JSON.stringify({ ...JSON.parse(makeKeyringText('2028-01')), ids }));
  const before = world.asked.length;
  const { body } = await new Caller(client, 'tools').call('look');
  expect(JSON.stringify(body)).toContain('can’t be read');
  expect(world.asked).toHaveLength(before);
  // The browser's cookie was signed by the key that is gone.
  const browser = new Browser(world.at);
  await signIn(browser, 'Locked out');
  expect(await statusesOf(browser)).toMatchObject([
    { status: 'needs_reauthorization', reason: 'vault_unreadable' },
  ]);
  const away = locationOf(await pressConnect(browser));
  expect((await browser.visit(world.provider.allow(away, 'replaced'))).status).toBe(200);
  await new Caller(client, 'tools').call('look');
  expect(world.server.callers.at(-1)).toBe('replaced');
});

test('not connected, can’t be opened and nobody behind this call are three answers', async () => {
  const world = worldWith();
  const client = await connectedClient(world, 'Three');
  const caller = new Caller(client, 'tools');
  const said = async () => {
    const { status, body } = await caller.send({ method: 'resources/read', params: { uri: 'note://1' } });
    return [status, (body.error?.data as { reason?: string } | undefined)?.reason];
  };
  const { ids } = JSON.parse(KEYS) as { ids: string };
  setKeys(JSON.stringify({ ...JSON.parse(makeKeyringText('2028-01')), ids }));
  expect(await said()).toEqual([200, 'vault_unreadable']);
  setKeys(KEYS);
  await accountOf(client.tokens.access_token).disconnect('tools', []);
  expect(await said()).toEqual([200, 'not_connected']);
  const nobody = await world.at.fetch('/mcp/tools', { method: 'POST', body: '{}' });
  expect(nobody.status).toBe(401);
});

test('an object that is killed while the provider answers asks the person, or goes on, and says which', async () => {
  const world = worldWith({}, { TOKENS: { access: 864_000 } });
  const client = await connectedClient(world, 'Killed');
  const call = () => new Caller(client, 'tools').call('look');
  let die: () => void = () => undefined;
  const arm = () =>
    runInDurableObject(accountOf(client.tokens.access_token), (_, state) => {
      die = () => state.abort('the machine stops');
    });
  await arm();
  pass(4000);
  // Before the provider did anything: nothing is lost.
  world.provider.misbehave = async () => {
    die();
    return overloaded();
  };
  await call().catch(() => undefined);
  world.provider.misbehave = () => undefined;
  pass(5);
  expect((await call()).body.result?.isError).toBeUndefined();
  await arm();
  pass(4000);
  // After it rotated: what it gave is lost with the machine.
  world.provider.misbehave = async (form) => {
    const answer = world.provider.grant(form);
    die();
    return answer;
  };
  await call().catch(() => undefined);
  world.provider.misbehave = () => undefined;
  expect((await call()).body.result?.isError).toBe(true);
  expect(await statusesOf(client.browser)).toMatchObject([
    { status: 'needs_reauthorization', reason: 'refresh_answer_lost' },
  ]);
});

const overloaded = () => new Response(null, { status: 503 });
