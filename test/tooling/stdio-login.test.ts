import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { SignInStore } from '../../bin/stdio/store';
import { type DeviceServer, startDeviceServer } from '../fixtures/device-server';
import { type RunningBridge, startBridge } from '../fixtures/stdio';
import { found } from '../patience';

let server: DeviceServer;
beforeAll(async () => {
  server = await startDeviceServer();
});
afterAll(() => server?.stop());

/** A configuration folder of its own. */
function home(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-stdio-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const start = (folder: string, url = server.url, more: string[] = []) =>
  startBridge([url, '--login', ...more], { XDG_CONFIG_HOME: folder });

async function codeOf(bridge: RunningBridge): Promise<string> {
  const find = () => /code: {2}(\S+)/.exec(bridge.log())?.[1];
  return found(find, () => `no code was shown: ${bridge.log()}`);
}

const stored = (folder: string) => join(folder, 'gatehouse', 'stdio');

test('a person signs in by the code that stderr shows; the next process needs no sign-in', async () => {
  const folder = home();
  const bridge = start(folder);
  const answered = bridge.request('ping');
  const code = await codeOf(bridge);
  expect(bridge.log()).toMatch(/open: {2}http:\S+\/device\n[\s\S]*or: {4}http:\S+\?user_code=/);
  await server.decide(code, 'allow');
  expect(await answered).toEqual({ user: 'ada', scope: 'mcp:read mcp:write' });
  const [file = ''] = readdirSync(stored(folder));
  expect(readdirSync(stored(folder))).toHaveLength(1);
  expect(statSync(join(stored(folder), file)).mode & 0o777).toBe(0o600);
  expect(statSync(stored(folder)).mode & 0o777).toBe(0o700);

  const second = start(folder);
  expect(await second.request('ping')).toMatchObject({ user: 'ada' });
  expect(second.log()).toBe('');
  const { access_token, refresh_token } = JSON.parse(
    readFileSync(join(stored(folder), file), 'utf8'),
  ) as Record<string, string>;
  for (const secret of [access_token, refresh_token]) expect(bridge.log()).not.toContain(secret);

  const out = startBridge([server.url, '--logout'], { XDG_CONFIG_HOME: folder });
  expect(await out.ended).toBe(0);
  expect(out.log()).toContain('signed out');
  expect(readdirSync(stored(folder))).toEqual([]);
  expect(server.asked.at(-1)).toMatchObject({
    path: '/token/revocation',
    status: '200',
    token: refresh_token,
  });
  await expect(second.request('ping')).rejects.toThrow('the sign-in has expired');
  expect(await second.ended).toBe(3);
  expect(second.log()).toContain(`gatehouse-stdio ${server.url} --login`);
});

test('a sign-in that is declined ends it with a sentence, and nothing is stored', async () => {
  const folder = home();
  const bridge = start(folder);
  await server.decide(await codeOf(bridge), 'deny');
  expect(await bridge.ended).toBe(3);
  expect(bridge.log()).toContain('the sign-in was declined');
  expect(readdirSync(stored(folder))).toEqual([]);
});

test('a client that closes while nobody enters the code leaves no process behind', async () => {
  const bridge = start(home());
  await codeOf(bridge);
  bridge.closeStdin();
  expect(await bridge.ended).toBe(0);
});

test('a folder in which nothing can be saved is reported before anyone is asked to sign in', async () => {
  const file = join(home(), 'file');
  writeFileSync(file, '');
  for (const option of ['--login', '--logout']) {
    const bridge = startBridge([server.url, option], { XDG_CONFIG_HOME: file });
    expect(await bridge.ended).toBe(1);
    expect(bridge.log()).toBe(
      `gatehouse-stdio: sign-ins can’t be saved in ${join(file, 'gatehouse', 'stdio')} (ENOTDIR)\n`,
    );
  }
});

test('two processes refresh once between them, and a token that was refused is refreshed and used again', async () => {
  const folder = home();
  const first = start(folder);
  await server.decide(await codeOf(first), 'allow');
  await first.request('ping');
  const second = start(folder);
  await second.request('ping');
  server.forgetAccess();
  const before = server.asked.length;
  const answers = await Promise.all([first, second, first, second].map((bridge) => bridge.request('ping')));
  expect(answers).toHaveLength(4);
  const refreshes = server.asked.slice(before).filter((request) => request.grant_type === 'refresh_token');
  expect(refreshes).toMatchObject([{ status: '200', resource: server.url }]);
  expect(readdirSync(stored(folder))).toHaveLength(1);
});

test('a token is refreshed before it expires', async () => {
  const brief = await startDeviceServer({ access: 2 });
  onTestFinished(brief.stop);
  const bridge = start(home(), brief.url);
  await brief.decide(await codeOf(bridge), 'allow');
  await bridge.request('ping');
  await new Promise((resolve) => setTimeout(resolve, 1700));
  await bridge.request('ping');
  expect(brief.asked.filter(({ grant_type }) => grant_type === 'refresh_token')).not.toEqual([]);
  expect(bridge.log()).not.toContain('ended');
});

test('a scope of one’s own is what is asked for, and another one later asks the person again', async () => {
  const folder = home();
  const bridge = start(folder, server.url, ['--scope', 'mcp:read']);
  await server.decide(await codeOf(bridge), 'allow');
  expect(await bridge.request('ping')).toMatchObject({ scope: 'mcp:read' });
  const wider = start(folder, server.url, ['--scope', 'mcp:write']);
  await server.decide(await codeOf(wider), 'allow');
  expect(await wider.request('ping')).toMatchObject({ scope: 'mcp:write' });
});

test('a lock lets one process in at a time, and that of a dead process is taken over', async () => {
  const folder = home();
  const url = new URL('https://gate.example/mcp');
  const store = new SignInStore(join(folder, 'gatehouse'), url);
  const [issuer, client_id, access_token] = ['https://gate.example', 'c', 't'];
  await store.write({ url: url.href, resource: url.href, issuer, client_id, access_token });
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside--;
  };
  await Promise.all(Array.from({ length: 8 }, () => store.locked(work)));
  expect(most).toBe(1);
  const lock = join(
    stored(folder),
    `${readdirSync(stored(folder)).find((name) => name.endsWith('.json'))}.lock`,
  );
  writeFileSync(lock, 'of a process that is gone');
  const started = Date.now();
  setTimeout(() => utimesSync(lock, 0, 0), 200);
  await Promise.all([store.locked(work), store.locked(work)]);
  expect(Date.now() - started).toBeGreaterThanOrEqual(190);
  expect(most).toBe(1);
  expect(readdirSync(stored(folder))).toHaveLength(1);
});
