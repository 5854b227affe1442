import { afterEach, describe, expect, test, vi } from 'vitest';
import { pressConnect, signIn } from '../fixtures/connections';
import { Recorder } from '../fixtures/hostile/recorder';
import { connectWith, gateBefore } from '../fixtures/mcp-server';
import { Caller } from '../fixtures/mcp-server-caller';
import { FakeProvider, GuardedServer, network } from '../fixtures/upstream-provider';
import { Browser, type Gate, type Page } from '../fixtures/worker';

/*
 * An honest server and its provider, and a hostile server whose provider tries to be taken for the honest one
 * (RFC 9700 section 4.4). The hostile ones note all that they get, also what a browser brings them.
 */

afterEach(() => {
  vi.unstubAllGlobals();
});

interface World {
  at: Gate;
  honest: FakeProvider;
  honestServer: GuardedServer;
  evil: FakeProvider;
  evilServer: GuardedServer;
  /** All that the hostile ones got. */
  got: Recorder;
  /** The honest provider's clients, by id: where each may be sent back to. */
  clients: Map<string, string[]>;
}

let worlds = 0;

function makeWorld(): World {
  const n = `${++worlds}-mixup`;
  const hosts = [`auth.honest${n}`, `tools.honest${n}`, `auth.evil${n}`, `tools.evil${n}`].map(
    (name) => `${name}.example.com`,
  );
  const [a = '', b = '', c = '', d = ''] = hosts;
  const honest = new FakeProvider(`https://${a}`);
  // Most providers say nothing of who they are when they send somebody back.
  honest.tellsIssuer = false;
  const honestServer = new GuardedServer(`https://${b}`, honest);
  const evil = new FakeProvider(`https://${c}`);
  evil.tellsIssuer = false;
  const evilServer = new GuardedServer(`https://${d}`, evil);
  const got = new Recorder();
  const clients = nameClients(honest, `honest-client-${crypto.randomUUID()}`);
  got.watch(evil);
  got.watch(evilServer);
  network({ [a]: honest, [b]: honestServer, [c]: evil, [d]: evilServer });
  const at = gateBefore({
    honest: { setting: { auth: 'oauth', url: honestServer.url, title: `Honest ${n}` } },
    evil: { setting: { auth: 'oauth', url: evilServer.url, title: `Evil ${n}` } },
  });
  return { at, honest, honestServer, evil, evilServer, got, clients };
}

/** Gives a provider's clients ids that no other provider has; returns where they may be sent back to. */
function nameClients(provider: FakeProvider, id: string): Map<string, string[]> {
  const clients = new Map<string, string[]>();
  const own = provider.fetch.bind(provider);
  provider.fetch = async (request) => {
    const answer = await own(request);
    if (!request.url.endsWith('/register')) return answer;
    const registered = (await answer.json()) as { redirect_uris: string[] };
    const client_id = `${id}-${clients.size}`;
    clients.set(client_id, registered.redirect_uris);
    provider.secrets.push(client_id);
    return Response.json({ ...registered, client_id }, { status: 201 });
  };
  return clients;
}

/** The honest provider's page, which a person allows on: it sends nobody to an address that isn't the client's. */
function allowAtHonest({ honest, clients }: World, url: URL): string | undefined {
  const registered = clients.get(url.searchParams.get('client_id') ?? '') ?? [];
  return registered.includes(url.searchParams.get('redirect_uri') ?? '') ? honest.allow(url.href) : undefined;
}

async function beginAt(world: World, server: string, browser: Browser): Promise<URL | undefined> {
  const page: Page = await pressConnect(browser, `/connect/${server}`);
  const away = page.location === undefined ? undefined : new URL(page.location);
  if (away && new URL(world.evil.issuer).host === away.host) world.got.note(away.href);
  return away;
}

async function connectHonest(world: World, browser: Browser): Promise<void> {
  const away = await beginAt(world, 'honest', browser);
  const back = away && allowAtHonest(world, away);
  expect(back && (await browser.visit(back)).status).toBe(200);
}

/** Where the hostile provider sends a browser that comes to it: to the honest one, as the client there. */
const onward = (world: World, away: URL, over: Record<string, string | undefined>): URL => {
  const url = new URL(`${world.honest.issuer}/authorize${away.search}`);
  for (const [name, value] of Object.entries(over)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url;
};

type Attack = [what: string, prepare: (world: World) => void, follow: (world: World, away: URL) => URL[]];

const aimed = (world: World) => [...world.clients].at(-1) ?? ['', ['']];

const ATTACKS: Attack[] = [
  [
    'names the honest one’s registration endpoint',
    ({ evil, honest }) => {
      evil.metadata = { registration_endpoint: `${honest.issuer}/register` };
    },
    (world, away) => [onward(world, away, {})],
  ],
  [
    'sends the browser on to the honest one, as its client',
    () => undefined,
    (world, away) => [onward(world, away, { client_id: aimed(world)[0] })],
  ],
  [
    'sends the browser on, with the honest one’s own way back',
    () => undefined,
    (world, away) => {
      const [client_id, [redirect_uri = '']] = aimed(world);
      return [onward(world, away, { client_id, redirect_uri })];
    },
  ],
  [
    'names the honest one’s authorization endpoint',
    ({ evil, honest }) => {
      evil.metadata = { authorization_endpoint: `${honest.issuer}/authorize` };
    },
    (world, away) => [away, onward(world, away, { client_id: aimed(world)[0] })],
  ],
  [
    'names the honest one’s registration and authorization endpoints',
    ({ evil, honest }) => {
      const { issuer } = honest;
      evil.metadata = {
        registration_endpoint: `${issuer}/register`,
        authorization_endpoint: `${issuer}/authorize`,
      };
    },
    (_world, away) => [away],
  ],
  [
    'says that it is the honest one',
    ({ evil, honest }) => {
      evil.metadata = { issuer: honest.issuer, registration_endpoint: `${honest.issuer}/register` };
    },
    (world, away) => [onward(world, away, {})],
  ],
  [
    'is behind a server that shows the honest server’s metadata as its own',
    ({ evilServer, honestServer }) => {
      const { origin } = new URL(honestServer.url);
      const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
      evilServer.challenge = `Bearer resource_metadata="${metadata}", scope="tools:use"`;
    },
    (world, away) => [onward(world, away, { client_id: aimed(world)[0] })],
  ],
];

async function attack(world: World, browser: Browser, follow: Attack[2]): Promise<void> {
  const away = await beginAt(world, 'evil', browser);
  if (!away) return;
  for (const url of follow(world, away)) {
    const back = allowAtHonest(world, url);
    if (back === undefined) continue;
    // As it is, and with what else the hostile one may have a say in.
    for (const more of ['', `&iss=${encodeURIComponent(world.evil.issuer)}`]) {
      await browser.visit(`${back}${more}`);
    }
  }
}

/** The hostile ones got none of what is the honest ones'. */
function expectNothing({ got, honest }: World, more: string[]): void {
  expect(honest.secrets.length).toBeGreaterThan(3);
  expect(got.size).toBeGreaterThan(0);
  expect(got.found([...honest.secrets, ...more])).toEqual([]);
}

describe.each(ATTACKS)('a hostile provider that %s', (_what, prepare, follow) => {
  test.each(['first', 'last'])('gets nothing of the honest one, connected %s', async (when) => {
    const world = makeWorld();
    const browser = new Browser(world.at);
    await signIn(browser, `Ada ${worlds}`);
    if (when === 'first') await connectHonest(world, browser);
    prepare(world);
    await attack(world, browser, follow);
    if (when === 'last') {
      await connectHonest(world, browser);
      await attack(world, browser, follow);
    }
    const { tokens } = await connectWith(world.at, `${world.at.origin}/mcp`, ['honest', 'evil'], { browser });
    const caller = new Caller({ gate: world.at, tokens }, 'honest');
    await (await caller.fetch({ method: 'tools/list', path: '/mcp' })).text();
    for (const name of ['honest_look', 'evil_look', 'evil_connect']) {
      const params = { name, arguments: {} };
      await (await caller.fetch({ method: 'tools/call', params, path: '/mcp' })).text();
    }
    expect(world.honestServer.callers).not.toEqual([]);
    expectNothing(world, [tokens.access_token, tokens.refresh_token]);
  });
});

test('what the hostile ones get is noted, or none of this would show anything', async () => {
  const world = makeWorld();
  const browser = new Browser(world.at);
  await signIn(browser, 'Eve');
  const away = await beginAt(world, 'evil', browser);
  const done = await browser.visit(world.evil.allow(away?.href ?? ''));
  expect(done.status).toBe(200);
  const kinds = ['code-', 'client-secret-'].map((kind) =>
    world.evil.secrets.filter((secret) => secret.startsWith(kind)),
  );
  expect(world.got.found(kinds.flat())).toEqual(kinds.flat());
});
