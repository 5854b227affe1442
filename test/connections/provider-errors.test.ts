import { afterEach, describe, expect, test, vi } from 'vitest';
import { pass, startClock, stopClock } from '../fixtures/clock';
import {
  connectAccount,
  connectedClient,
  pressConnect,
  signIn,
  statusesOf,
  type World,
  worldWith,
} from '../fixtures/connections';
import { Caller } from '../fixtures/mcp-server-caller';
import { Browser, locationOf, type Page, textOf } from '../fixtures/worker';

/* What a provider refuses, and who is told what: the person who refused, the operator with which words. */

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

let people = 0;
async function signedIn(world: World): Promise<Browser> {
  const browser = new Browser(world.at);
  await signIn(browser, `Refused ${++people}`);
  return browser;
}

/** The lines of the log about connections that failed, from now on. */
function watchLog(of = 'connection'): () => { reason: string; detail?: string }[] {
  const lines: string[] = [];
  for (const level of ['log', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line) => void lines.push(String(line)));
  }
  const parsed = () =>
    lines.map((line) => JSON.parse(line) as { event: string; reason: string; detail?: string });
  return () => parsed().filter(({ event, reason }) => event === of && reason !== undefined);
}

/** Comes back from the provider with an error instead of a code. */
async function comeBackWith(world: World, error: string, description = ''): Promise<Page> {
  const browser = await signedIn(world);
  const away = locationOf(await pressConnect(browser));
  return browser.visit(
    world.provider.allow(away, 'ada', { code: '', error, error_description: description }),
  );
}

describe('an authorization request', () => {
  test.each([
    ['invalid_target', 'AADSTS9010010: The resource parameter doesn’t match the scopes', 'request_refused'],
    ['invalid_scope', '', 'request_refused'],
    ['unauthorized_client', 'The app isn’t enabled in this tenant', 'request_refused'],
    ['temporarily_unavailable', '', 'provider_unavailable'],
    ['server_error', 'try later', 'provider_unavailable'],
    ['access_denied', 'The user said no', 'provider_denied'],
  ])('that is refused with %s: the log has its words', async (error, description, reason) => {
    const world = worldWith();
    const log = watchLog();
    const { html } = await comeBackWith(world, error, description);
    const detail = description === '' ? error : `${error}: ${description}`;
    expect(log()).toMatchObject([{ reason, detail }]);
    // Only somebody who was asked can have said no.
    expect(/cancel/i.test(textOf(html))).toBe(false);
    expect(textOf(html).includes('denied')).toBe(error === 'access_denied');
    expect(textOf(html)).not.toContain(description || 'AADSTS');
  });

  test('that is refused in a long text, with a key in it: the log has neither', async () => {
    const log = watchLog();
    const secret = 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6jK9m';
    await comeBackWith(worldWith(), 'invalid_target', `token ${secret} ${'long words '.repeat(100)}`);
    const [{ detail = '' } = {}] = log();
    expect(detail).not.toContain(secret);
    expect(detail.length).toBeLessThanOrEqual(200);
  });
});

describe('a code', () => {
  test.each([
    ['invalid_target', 'The resource parameter is not supported'],
    ['invalid_client', 'The secret has expired'],
    ['bad_verification_code', 'The code passed is incorrect or expired'],
  ])('that is refused with %s: the log has the provider’s words, without secrets', async (error, words) => {
    const world = worldWith();
    const log = watchLog();
    world.provider.misbehave = (form) => {
      const error_description = `${words} (code ${form.get('code')})`;
      return Response.json({ error, error_description }, { status: 400 });
    };
    const page = await connectAccount(world, await signedIn(world), 'ada');
    expect(textOf(page.html)).toContain('sign-in provider refused');
    const [{ detail = '' } = {}] = log();
    expect(detail).toContain(`${error}: ${words}`);
    for (const secret of world.provider.secrets) expect(detail).not.toContain(secret);
  });
});

describe('a refresh', () => {
  test.each([
    ['invalid_grant', 400, 'refused'],
    ['invalid_scope', 400, 'refused'],
    ['strange_error', 400, 'failed'],
  ])(
    'that is refused with %s: the log has the provider’s words, without secrets',
    async (error, status, outcome) => {
      stopClock();
      const world = worldWith({}, { TOKENS: { access: 864_000 } });
      const client = await connectedClient(world, `Refused ${++people}`);
      pass(4000);
      const log = watchLog('connection_renewed');
      world.provider.misbehave = (form) => {
        const error_description = `AADSTS90009: no scope for ${form.get('refresh_token')}`;
        return Response.json({ error, error_description }, { status });
      };
      await new Caller(client, 'tools').call('look');
      startClock();
      const [{ detail = '', ...line } = {}] = log();
      expect(line).toMatchObject({ outcome });
      expect(detail).toContain(`${error}: AADSTS90009`);
      for (const secret of world.provider.secrets) expect(detail).not.toContain(secret);
    },
  );
});

describe('offline_access that only the gate wants', () => {
  const LISTED = { scopes_supported: ['tools:use', 'offline_access'] };

  /** A provider that refuses the scope, at its page with `error`: the scopes that it was asked for. */
  async function refusing(
    world: World,
    error: string,
  ): Promise<{ asked: (string | null)[]; page: Page; browser: Browser }> {
    const browser = await signedIn(world);
    const asked: (string | null)[] = [];
    let page = await pressConnect(browser);
    while (page.location?.startsWith(world.provider.issuer) && asked.length < 5) {
      const scope = new URL(page.location).searchParams.get('scope');
      asked.push(scope);
      const over: Record<string, string> =
        error !== '' && scope?.includes('offline_access') ? { code: '', error } : {};
      page = await browser.visit(world.provider.allow(page.location, 'ada', over));
    }
    return { asked, page, browser };
  }

  test.each(['invalid_scope', 'invalid_request'])(
    'is taken back when it is refused with %s',
    async (error) => {
      const world = worldWith();
      world.provider.metadata = LISTED;
      const { asked, browser } = await refusing(world, error);
      expect(asked).toEqual(['tools:use offline_access', 'tools:use']);
      expect(await statusesOf(browser)).toMatchObject([{ status: 'connected', scope: 'tools:use' }]);
    },
  );

  test('is taken back when the token endpoint refuses it', async () => {
    const world = worldWith();
    world.provider.metadata = LISTED;
    let first = true;
    world.provider.misbehave = () => {
      const refuses = first;
      first = false;
      return refuses ? Response.json({ error: 'invalid_scope' }, { status: 400 }) : undefined;
    };
    const { asked, browser } = await refusing(world, '');
    expect(asked).toEqual(['tools:use offline_access', 'tools:use']);
    expect(await statusesOf(browser)).toMatchObject([{ status: 'connected' }]);
  });

  test.each([
    [{ scopes: 'a offline_access' }, 'invalid_scope'],
    [{}, 'access_denied'],
  ])('isn’t taken back with %j after %s', async (setting, error) => {
    const world = worldWith(setting);
    world.provider.metadata = LISTED;
    const { asked, page } = await refusing(world, error);
    expect([asked.length, page.status]).toEqual([1, 400]);
  });
});
