import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type McpRemote, type McpRemoteHome, makeHome, startMcpRemote } from '../fixtures/mcp-remote';
import { launchBrowser, type TestBrowser } from './harness/browser';
import type { Gate } from './harness/gate';
import { sees, typeName } from './harness/person';
import { BRIEF, briefGate } from './harness/shared';

let gate: Gate;
let browser: TestBrowser;
beforeAll(async () => {
  [gate, browser] = await Promise.all([briefGate(), launchBrowser()]);
});
afterAll(() => browser?.close());

function start(path: string, home?: McpRemoteHome): { remote: McpRemote; home: McpRemoteHome } {
  const its = home ?? makeHome();
  const remote = startMcpRemote(`${gate.origin}${path}`, its);
  onTestFinished(async () => {
    await remote.stop();
    its.remove();
  });
  return { remote, home: its };
}

function expired(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, (BRIEF + 1) * 1000));
}

/** What every stdio client begins with. */
async function initialize(remote: McpRemote): Promise<Record<string, unknown>> {
  const result = await remote.request('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'e2e', version: '1.0.0' },
  });
  remote.notify('notifications/initialized');
  return result;
}

/** Returns what revokes all that the person allowed, by the API, from the browser of the sign-in. */
async function authorize(remote: McpRemote, name: string): Promise<() => Promise<number[]>> {
  const url = await remote.authorizationUrl();
  const page = await browser.newPage();
  await page.goto(url);
  await typeName(page, { name });
  await sees(page, 'wants to use');
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.waitForURL(/\/oauth\/callback\?/);
  return async () => {
    const { items } = (await (await page.request.get(`${gate.origin}/api/grants`)).json()) as {
      items: { id: string }[];
    };
    const headers = { origin: gate.origin };
    const ended = items.map(({ id }) => page.request.delete(`${gate.origin}/api/grants/${id}`, { headers }));
    const statuses = (await Promise.all(ended)).map((answer) => answer.status());
    await page.context().close();
    return statuses;
  };
}

function whoami(remote: McpRemote): Promise<Record<string, unknown>> {
  return remote.request('tools/call', { name: 'whoami', arguments: {} });
}

test.each(['/mcp', ''])(
  'mcp-remote signs in through a browser and hands stdio on (the origin and "%s")',
  async (path) => {
    const { remote } = start(path);
    const initialized = initialize(remote);
    await authorize(remote, 'Ada');
    expect(await initialized).toMatchObject({ serverInfo: { name: 'gatehouse' } });
    expect(await remote.request('tools/list')).toMatchObject({ tools: [{ name: 'whoami' }] });
    expect(await whoami(remote)).toMatchObject({ structuredContent: { user: { name: 'Ada' } } });
  },
);

test('mcp-remote refreshes by itself, and a second process goes on with its tokens', async () => {
  const { remote, home } = start('/mcp');
  const initialized = initialize(remote);
  await authorize(remote, 'Grace');
  await initialized;
  await expired();
  expect(await whoami(remote)).toMatchObject({ structuredContent: { user: { name: 'Grace' } } });

  await expired();
  const { remote: second } = start('/mcp', home);
  await initialize(second);
  expect(await whoami(second)).toMatchObject({ structuredContent: { user: { name: 'Grace' } } });
  expect(second.log()).not.toContain('Please authorize');
});

test('mcp-remote is refused once its user has revoked it, and asks for a sign-in again', async () => {
  const { remote } = start('/mcp');
  const initialized = initialize(remote);
  const revoke = await authorize(remote, 'Mary');
  await initialized;
  expect(await whoami(remote)).toMatchObject({ structuredContent: { user: { name: 'Mary' } } });
  expect(await revoke()).toEqual([204]);

  let answered = false;
  void whoami(remote).then(
    () => {
      answered = true;
    },
    () => undefined,
  );
  await expect.poll(() => remote.log().match(/Please authorize/g)?.length).toBe(2);
  expect(answered).toBe(false);
});
