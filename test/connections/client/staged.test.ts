import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { type Context, Hono } from 'hono';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { deploymentOf } from '../../../src/config/deployment';
import { connectionsNeeded } from '../../../src/connections/client/needed';
import { beginConnect } from '../../../src/connections/client/oauth';
import { stagedServers, stageObtained, submitAndAdopt } from '../../../src/connections/client/staged';
import { connectPages } from '../../../src/connections/pages/routes';
import { findFlow, startFlow } from '../../../src/flow/flow';
import { guardSettings, readSettings } from '../../../src/gateway/request/health';
import { signInPages, signOutPages } from '../../../src/sign-in/routes';
import { currentSignIn } from '../../../src/sign-in/session';
import { needsConnection } from '../../../src/upstream/connected-server';
import { signIn, type World, worldWith } from '../../fixtures/connections';
import { Browser, type Gate, locationOf } from '../../fixtures/worker';

/*
 * Connecting inside an authorization request that isn't finished: the functions that its pages are made of, behind
 * the smallest routes that use them.
 */

afterEach(() => {
  vi.unstubAllGlobals();
});

async function flowOf(c: Context) {
  const flow = await findFlow(c, c.req.query('flow'), { touch: true });
  const person = await currentSignIn(c);
  if (!flow.ok || !person) throw new Error(flow.ok ? 'nobody is signed in' : flow.error.reason);
  return { flow: flow.value, user: person.userId };
}

/** A services page without the page. */
const pages = new Hono<{ Bindings: Env }>()
  .use(readSettings)
  .use(guardSettings)
  .get('/open', async (c) => {
    const opened = await startFlow(c, (id) => ({ kind: 'authorize', return_to: `/status?flow=${id}` }));
    return c.text(opened.ok ? opened.value.id : opened.error.reason);
  })
  .get('/begin', async (c) => {
    const { flow, user } = await flowOf(c);
    const server = deploymentOf(c).settings.servers.find(needsConnection);
    if (!server) throw new Error('no server');
    const begun = await beginConnect(c, flow, { user, server, returnTo: flow.data.return_to });
    return begun.ok ? c.redirect(begun.value, 303) : c.text(begun.error.reason, 400);
  })
  .get('/stage-key', async (c) => {
    const { flow, user } = await flowOf(c);
    const credential = { auth: 'api_key', server: 'keyed', key: 'sk-staged-key' } as const;
    await stageObtained(flow, user, { credential, place: 'https://keyed.example/mcp' });
    return c.text('ok');
  })
  .get('/status', async (c) => {
    const { flow, user } = await flowOf(c);
    const needed = await connectionsNeeded(c, user, deploymentOf(c).settings.servers, flow);
    return c.json(needed.map(({ server, status }) => [server.name, status]));
  })
  .get('/staged', async (c) => {
    const { flow, user } = await flowOf(c);
    return c.json(await stagedServers(flow, user));
  })
  .get('/deny', async (c) => c.text(String((await (await flowOf(c)).flow.submit()).ok)))
  .get('/finish', async (c) => {
    const { flow, user } = await flowOf(c);
    const finished = await submitAndAdopt(c, flow, user);
    return finished.ok ? c.json(finished.value) : c.text(finished.error.reason, 409);
  })
  .route('/sign-in', signInPages)
  .route('/sign-out', signOutPages)
  .route('/connect', connectPages);

const keyed = { setting: { auth: 'api_key', url: 'https://keyed.example/mcp' } };

/** The same settings with these routes. */
function pagesOf(world: World): Gate {
  const SERVERS = [
    { name: 'tools', auth: 'oauth', url: world.server.url },
    { name: 'keyed', ...keyed.setting },
  ];
  const fetch = async (path: string, init: RequestInit = {}) => {
    const request = new Request(new URL(path, world.at.origin), { redirect: 'manual', ...init });
    return pages.fetch(request, { ...env, SERVERS } as unknown as Env, createExecutionContext());
  };
  return { origin: world.at.origin, fetch };
}

let people = 0;
async function begin() {
  const world = worldWith({}, {}, { keyed });
  const browser = new Browser(pagesOf(world));
  const name = `Undecided ${++people}`;
  await signIn(browser, name);
  const { html: flow } = await browser.visit('/open');
  const get = async (path: string) => (await browser.visit(`${path}?flow=${flow}`)).html;
  const kept = async () => {
    const at = new Browser(world.at);
    await signIn(at, name);
    const { items } = JSON.parse((await at.visit('/api/connections')).html) as {
      items: Record<string, string>[];
    };
    return items.map(({ server, status }) => [server, status]);
  };
  const connect = async () => {
    const away = locationOf(await browser.visit(`/begin?flow=${flow}`));
    return locationOf(await browser.visit(world.provider.allow(away, name)));
  };
  return { world, browser, name, flow, get, kept, connect };
}

describe('what is connected inside an authorization request', () => {
  test('waits in its flow, counts as connected there, and moves to the account at the finish', async () => {
    const { flow, get, kept, connect } = await begin();
    expect(await connect()).toBe(`/status?flow=${flow}`);
    await get('/stage-key');
    expect(JSON.parse(await get('/status'))).toEqual([
      ['tools', 'connected'],
      ['keyed', 'connected'],
    ]);
    expect(await kept()).toEqual([
      ['tools', 'not_connected'],
      ['keyed', 'not_connected'],
    ]);
    expect(JSON.parse(await get('/finish'))).toEqual(['keyed', 'tools']);
    expect(await kept()).toEqual([
      ['tools', 'connected'],
      ['keyed', 'connected'],
    ]);
  });

  test('is gone with a denial', async () => {
    const { world, get, kept, connect } = await begin();
    await connect();
    expect(await get('/deny')).toBe('true');
    await expect(get('/finish')).resolves.toContain('Internal Server Error');
    expect(await kept()).toEqual([
      ['tools', 'not_connected'],
      ['keyed', 'not_connected'],
    ]);
    expect(world.provider.tokenRequests).toHaveLength(1);
  });

  test('is gone with another identity, also for who comes back to the first', async () => {
    const { browser, name, flow, get, kept, connect } = await begin();
    await connect();
    const headers = { origin: browser.gate.origin };
    await browser.visit('/sign-out', { method: 'POST', body: new URLSearchParams({ flow }), headers });
    await signIn(browser, 'Somebody else here');
    expect(JSON.parse(await get('/staged'))).toEqual([]);
    await signIn(browser, name);
    expect(JSON.parse(await get('/staged'))).toEqual([]);
    expect(JSON.parse(await get('/finish'))).toEqual([]);
    expect(await kept()).toEqual([
      ['tools', 'not_connected'],
      ['keyed', 'not_connected'],
    ]);
  });

  test('is not somebody else’s who signs in at that browser meanwhile', async () => {
    const { browser, get } = await begin();
    await get('/stage-key');
    await signIn(browser, 'Slipped in');
    expect(JSON.parse(await get('/finish'))).toEqual([]);
  });
});
