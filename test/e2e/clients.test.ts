import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { type ClientKind, client2, client2Modern, sdk1, type Visit } from '../fixtures/mcp-clients';
import { MemoryOAuth } from '../fixtures/mcp-oauth';
import { launchBrowser, type TestBrowser } from './harness/browser';
import { type Callback, startCallback } from './harness/callback';
import type { Gate } from './harness/gate';
import { callTool, requestRevocation } from './harness/oauth';
import { typeName, visit } from './harness/person';
import { BRIEF, briefGate } from './harness/shared';

let gate: Gate;
let browser: TestBrowser;
beforeAll(async () => {
  [gate, browser] = await Promise.all([briefGate(), launchBrowser()]);
});
afterAll(() => browser?.close());

/** Takes a browser of its own to the page, signs in as `name` and allows. */
function personNamed(name: string, callback: Callback): Visit {
  return async (url) => {
    const page = await browser.newPage();
    const back = await visit(page, callback, url, { name, tick: ['mcp:destructive'] });
    await page.context().close();
    return back;
  };
}

const nobody: Visit = async (url) => {
  throw new Error(`nobody should have been asked: ${url}`);
};

async function connect(kind: ClientKind, url: string, name: string, { onTestFinished }: TestContext) {
  const callback = await startCallback();
  onTestFinished(callback.close);
  const oauth = new MemoryOAuth(callback.uri, kind.name);
  const client = await kind.connect(url, oauth, personNamed(name, callback));
  onTestFinished(() => client.close());
  return { client, oauth };
}

function expired(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, (BRIEF + 1) * 1000));
}

const KINDS = [client2, client2Modern, sdk1];

// At the same time, since most of it is waiting for access tokens to end.
describe.concurrent.each(KINDS)('$name', (kind) => {
  test.for(['/mcp', ''])('connects with nothing but the URL (the origin and "%s")', async (path, context) => {
    const { client } = await connect(kind, `${gate.origin}${path}`, 'Ada Lovelace', context);
    context.expect(await client.tools()).toContain('whoami');
    context.expect(await client.call('whoami')).toMatchObject({
      user: { name: 'Ada Lovelace' },
      client: kind.name,
      scope: 'mcp:read mcp:write mcp:destructive',
      role: 'owner',
    });
  });

  test('refreshes by itself when its access token has ended, and goes on', async (context) => {
    const { client, oauth } = await connect(kind, `${gate.origin}/mcp`, 'Grace', context);
    const before = oauth.tokens();
    for (const round of [1, 2]) {
      await expired();
      expect(await client.call('whoami'), `round ${round}`).toMatchObject({ user: { name: 'Grace' } });
    }
    expect(oauth.tokens()?.refresh_token).not.toBe(before?.refresh_token);
    expect(oauth.saved.length).toBeGreaterThanOrEqual(3);
    expect(oauth.takeAuthorizationUrl()).toBeUndefined();
  });

  test('two processes that share their tokens refresh at the same moment, and both go on', async (context) => {
    const { client, oauth } = await connect(kind, `${gate.origin}/mcp`, 'Joan', context);
    const otherOAuth = oauth.copy();
    const other = await kind.connect(`${gate.origin}/mcp`, otherOAuth, nobody);
    context.onTestFinished(() => other.close());
    for (const round of [1, 2]) {
      await expired();
      const answers = await Promise.all([client, other].map((one) => one.call('whoami')));
      expect(answers, `round ${round}`).toMatchObject([
        { user: { name: 'Joan' } },
        { user: { name: 'Joan' } },
      ]);
    }
    expect([oauth.invalidated, otherOAuth.invalidated]).toEqual([[], []]);
  });

  test('revokes its refresh token, is refused at once, and asks the person again', async (context) => {
    const { client, oauth } = await connect(kind, `${gate.origin}/mcp`, 'Mary', context);
    await revoke(oauth, 'refresh_token');
    const refused = await client.call('whoami').catch((error: unknown) => error);
    expect(kind.isUnauthorized(refused), String(refused)).toBe(true);
    expect(oauth.invalidated).toContain('tokens');
    expect(oauth.takeAuthorizationUrl()?.pathname).toBe('/authorize');
  });

  test('gives its access token back: that one is refused at once, and it goes on with a new one', async (context) => {
    const { client, oauth } = await connect(kind, `${gate.origin}/mcp`, 'Emmy', context);
    const { access_token } = oauth.tokens() ?? {};
    await revoke(oauth, 'access_token');
    await expect(callTool(`${gate.origin}/mcp`, String(access_token), 'whoami')).rejects.toThrow('401');
    expect(await client.call('whoami')).toMatchObject({ user: { name: 'Emmy' } });
    expect(oauth.tokens()?.access_token).not.toBe(access_token);
  });
});

describe.concurrent('two apps of one person', () => {
  test('refresh at the same moment without harm to each other', async (context) => {
    const one = await connect(client2, `${gate.origin}/mcp`, 'Hedy', context);
    const two = await connect(sdk1, `${gate.origin}/mcp`, 'Hedy', context);
    await expired();
    const [first, second] = await Promise.all([one.client.call('whoami'), two.client.call('whoami')]);
    expect(first?.user).toEqual(second?.user);
    expect([first?.client, second?.client]).toEqual([client2.name, sdk1.name]);
  });

  test('revoking one leaves the other alone', async (context) => {
    const one = await connect(client2, `${gate.origin}/mcp`, 'Radia', context);
    const two = await connect(sdk1, `${gate.origin}/mcp`, 'Radia', context);
    await revoke(one.oauth, 'refresh_token');
    await expect(one.client.call('whoami')).rejects.toThrow();
    expect(await two.client.call('whoami')).toMatchObject({ user: { name: 'Radia' } });
  });
});

test('a person who says no leaves the client without tokens, with the reason', async ({ onTestFinished }) => {
  const callback = await startCallback();
  onTestFinished(callback.close);
  const oauth = new MemoryOAuth(callback.uri, client2.name);
  const seen: URL[] = [];
  const connecting = client2.connect(`${gate.origin}/mcp`, oauth, async (url) => {
    const page = await browser.newPage();
    await page.goto(url.href);
    await typeName(page, { name: 'Nora' });
    await page.getByRole('button', { name: 'Cancel' }).click();
    seen.push(await callback.next());
    return callbackOf(seen);
  });
  await expect(connecting).rejects.toThrow();
  expect(callbackOf(seen).searchParams.get('error')).toBe('access_denied');
  expect(callbackOf(seen).searchParams.get('iss')).toBe(gate.origin);
  expect(oauth.saved).toEqual([]);
});

function callbackOf([url]: URL[]): URL {
  if (!url) throw new Error('nothing came back');
  return url;
}

async function revoke(oauth: MemoryOAuth, hint: 'access_token' | 'refresh_token'): Promise<void> {
  const token = oauth.tokens()?.[hint] ?? '';
  const client_id = oauth.clientInformation()?.client_id ?? '';
  const { status } = await requestRevocation(gate.origin, { token, token_type_hint: hint, client_id });
  if (status !== 200) throw new Error(`revocation: ${status}`);
}
