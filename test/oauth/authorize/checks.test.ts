import { describe, expect, test } from 'vitest';
import {
  authorize,
  Browser,
  connect,
  gateWith,
  makePkce,
  redeem,
  registerClient,
  textOf,
} from '../../fixtures/worker';
import { decide, openConsent } from '../pages';
import { ask, errorOf, followed, REDIRECT } from '../requests';

describe('until client and redirect are verified, what is wrong ends with a page', () => {
  test.each([
    ['no client', { client_id: undefined }, 'The app didn’t identify itself'],
    ['an empty client', { client_id: '' }, 'The app didn’t identify itself'],
    ['an unknown client', { client_id: 'unknown' }, 'This app isn’t registered'],
    ['no redirect', { redirect_uri: undefined }, 'The app didn’t say where to return'],
    ['an empty redirect', { redirect_uri: '' }, 'The app didn’t say where to return'],
    [
      'another redirect',
      { redirect_uri: 'https://evil.example/' },
      'The return address doesn’t belong to this app',
    ],
  ])('%s', async (_what, changes, title) => {
    const page = await ask(changes);
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain(title);
    expect(textOf(page.html)).toContain('What to do');
    expect(page.html).not.toContain('evil.example');
  });

  test.each([
    ['that nobody serves', 'https://nobody.example/client.json', 'We couldn’t verify this app'],
    ['of this computer', 'https://127.0.0.1/client.json', 'We couldn’t verify this app'],
    ['of a private address', 'https://10.0.0.1/client.json', 'We couldn’t verify this app'],
    ['without a path', 'https://nobody.example', 'This app isn’t registered'],
    ['by http', 'http://nobody.example/client.json', 'This app isn’t registered'],
  ])('a client metadata document %s', async (_what, client_id, title) => {
    const page = await ask({ client_id });
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain(title);
  });
});

describe('a redirect URI', () => {
  test.each([
    ['another host', 'https://app.example.evil.example/callback?app=1'],
    ['another path', 'https://app.example/callback/x?app=1'],
    ['a path with dots', 'https://app.example/x/../callback?app=1'],
    ['a slash more', 'https://app.example/callback/?app=1'],
    ['another query', 'https://app.example/callback?app=2'],
    ['more query', 'https://app.example/callback?app=1&x=1'],
    ['no query', 'https://app.example/callback'],
    ['another case', 'https://app.example/Callback?app=1'],
    ['another case of the host', 'https://APP.example/callback?app=1'],
    ['another scheme', 'http://app.example/callback?app=1'],
    ['the default port', 'https://app.example:443/callback?app=1'],
    ['another port', 'https://app.example:8443/callback?app=1'],
    ['a fragment', 'https://app.example/callback?app=1#x'],
    ['a user', 'https://x@app.example/callback?app=1'],
    ['an escaped letter', 'https://app.example/%63allback?app=1'],
    ['a space', ' https://app.example/callback?app=1'],
    ['a relative one', '/callback?app=1'],
    ['a script', 'javascript:alert(1)'],
  ])('must be the very one that was registered: %s', async (_what, redirect_uri) => {
    const page = await ask({ redirect_uri });
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(page.html).not.toMatch(/evil\.example|alert\(1\)/);
  });

  test.each([
    'http://localhost:1/callback',
    'http://localhost/callback',
    'http://127.0.0.1:65535/callback',
    'http://[::1]:8080/callback',
  ])('of a program on this computer may have any port and any of its names: %s', async (redirect_uri) => {
    const { client_id } = await registerClient({ redirect_uris: ['http://127.0.0.1:9999/callback'] });
    const authorized = await authorize({ client: { client_id, redirect_uri } });
    expect(authorized.callback.href.startsWith(redirect_uri)).toBe(true);
    expect((await redeem(authorized)).status).toBe(200);
  });

  test.each([
    ['another path', 'http://127.0.0.1:9999/other'],
    ['another address of this computer', 'http://127.0.0.2:9999/callback'],
    ['https', 'https://127.0.0.1:9999/callback'],
    ['a lookalike', 'http://localhost.evil.example:9999/callback'],
    ['a user', 'http://127.0.0.1:9999@evil.example/callback'],
    ['the unspecified address', 'http://0.0.0.0:9999/callback'],
  ])('of a program on this computer is no other for that: %s', async (_what, redirect_uri) => {
    const { client_id } = await registerClient({ redirect_uris: ['http://127.0.0.1:9999/callback'] });
    const page = await ask({ redirect_uri }, { client_id, redirect_uri });
    expect([page.status, page.location]).toEqual([400, undefined]);
  });

  test('of another client is not this one’s', async () => {
    const other = await registerClient({ redirect_uris: ['https://other.example/callback'] });
    const page = await ask({ redirect_uri: other.redirect_uri });
    expect([page.status, page.location]).toEqual([400, undefined]);
  });
});

/** A gate whose operator registered a client, and that client. */
const registering = gateWith({
  CLIENTS: [{ client_id: 'vouched', name: 'Vouched for', redirect_uris: [REDIRECT] }],
});
const VOUCHED = { client_id: 'vouched', redirect_uri: REDIRECT };

describe('once both are verified, an error goes to the client: by a link on a page, or at once', () => {
  const faults: [what: string, changes: Record<string, string | undefined>, error: string][] = [
    ['no response type', { response_type: undefined }, 'invalid_request'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['a hybrid response type', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['an empty challenge', { code_challenge: '' }, 'invalid_request'],
    ['a short challenge', { code_challenge: 'x'.repeat(42) }, 'invalid_request'],
    ['a long challenge', { code_challenge: 'x'.repeat(44) }, 'invalid_request'],
    ['a challenge that is not base64url', { code_challenge: '+'.repeat(43) }, 'invalid_request'],
    ['PKCE plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['PKCE without a method, which means plain', { code_challenge_method: undefined }, 'invalid_request'],
    ['an unknown PKCE method', { code_challenge_method: 's256' }, 'invalid_request'],
    ['only unknown scopes', { scope: 'openid admin' }, 'invalid_scope'],
    ['another resource', { resource: 'https://evil.example/mcp' }, 'invalid_target'],
    ['a resource that is not there', { resource: 'http://localhost:8787/mcp/notes' }, 'invalid_target'],
    ['a resource that is no URL', { resource: 'nonsense' }, 'invalid_target'],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'invalid_request'],
    ['a request URI', { request_uri: 'https://app.example/request' }, 'invalid_request'],
    ['a fragment for an answer', { response_mode: 'fragment' }, 'invalid_request'],
    ['a form for an answer', { response_mode: 'form_post' }, 'invalid_request'],
    [
      'prompt=none beside another fault',
      { prompt: 'none', response_type: 'none' },
      'unsupported_response_type',
    ],
    ['a login hint beside another fault', { login_hint: 'ada', scope: 'admin' }, 'invalid_scope'],
  ];

  test.each(faults)(
    '%s: by a link, of a client that anybody could have registered',
    async (_what, changes, error) => {
      const page = await ask(changes);
      expect(textOf(page.html)).toContain('Return to app.example');
      const link = followed(page);
      expect(errorOf(link)).toBe(error);
      expect(new URL(link.location ?? '').searchParams.get('state')).toBe('a state');
    },
  );

  test.each(faults)(
    '%s: at once, of a client that the operator registered',
    async (_what, changes, error) => {
      const page = await ask(changes, VOUCHED, new Browser(registering));
      expect(errorOf(page)).toBe(error);
      expect(new URL(page.location ?? '').searchParams.get('state')).toBe('a state');
    },
  );

  test('and a client with a secret needs PKCE no less', async () => {
    const client = await registerClient({
      redirect_uris: [REDIRECT],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    const page = await ask({ code_challenge: undefined, code_challenge_method: undefined }, client);
    expect(errorOf(followed(page))).toBe('invalid_request');
  });

  test('and a parameter that is there twice too, without a state that could be either', async () => {
    const client = await registerClient({ redirect_uris: [REDIRECT] });
    const query = new URLSearchParams({ client_id: client.client_id, redirect_uri: REDIRECT });
    for (const name of ['state', 'state', 'scope', 'response_type']) query.append(name, 'x');
    const page = followed(await new Browser().visit(`/authorize?${query}`));
    expect(errorOf(page)).toBe('invalid_request');
    expect(new URL(page.location ?? '').searchParams.has('state')).toBe(false);
  });
});

describe('additional parameters of real clients', () => {
  test.each([
    ['offline_access', { scope: 'mcp:read offline_access' }],
    ['a scope that we don’t know beside ones that we do', { scope: 'mcp:read openid' }],
    ['only offline_access', { scope: 'offline_access' }],
    ['no scope', { scope: undefined }],
    ['an empty scope', { scope: '' }],
    ['spaces', { scope: '  mcp:read   mcp:write ' }],
    ['response_mode=query', { response_mode: 'query' }],
    ['prompt, which changes nothing', { prompt: 'none' }],
    ['parameters of their own', { audience: 'x', utm_source: 'y', 'a[]': 'z' }],
    ['both resources', { resource: 'http://localhost:8787/mcp' }],
    ['a query on the resource', { resource: 'http://localhost:8787/mcp?profile=work' }],
  ])('fails nothing: %s', async (_what, changes) => {
    const page = await ask(changes);
    expect(page.status).toBe(303);
    expect(page.location).toMatch(/^\/authorize\?flow=[\w-]+$/);
  });
});

describe('state', () => {
  test.each([
    ['reserved characters', 'a&b=c?d#e/f:g;h,i+j%20k%'],
    ['quotes and markup', `"'<script>alert(1)</script>`],
    ['an emoji and right-to-left letters', '🦊 שלום \u202E'],
    ['a newline, a tab and NUL', 'a\r\nb\tc\0d'],
    ['spaces around it', '  x  '],
    ['JSON', '{"a":[1,2,{"b":null}]}'],
    ['4,000 characters', 'abcDEF0123456789'.repeat(250)],
    ['what looks like our own answer', 'code=x&iss=https://evil.example'],
  ])('comes back untouched, allowed and denied: %s', async (_what, state) => {
    const client = await registerClient({ redirect_uris: [REDIRECT] });
    const { callback, browser } = await authorize({ client, request: { state } });
    expect(callback.searchParams.getAll('state')).toEqual([state]);
    expect(callback.searchParams.getAll('iss')).toEqual(['http://localhost:8787']);
    expect(callback.searchParams.getAll('app')).toEqual(['1']);

    const waiting = await openConsent({ browser, client, request: { state } });
    const denied = await decide(waiting, { decision: 'deny' });
    expect(errorOf(denied)).toBe('access_denied');
    expect(new URL(denied.location ?? '').searchParams.getAll('state')).toEqual([state]);
  });

  test.each([
    ['none', undefined],
    ['an empty one', ''],
  ])('is not made up: %s', async (_what, state) => {
    const client = await registerClient({ redirect_uris: [REDIRECT] });
    const { code_challenge } = await makePkce();
    const page = followed(await ask({ state, code_challenge_method: 'plain', code_challenge }, client));
    expect(errorOf(page)).toBe('invalid_request');
    expect(new URL(page.location ?? '').searchParams.get('state') || undefined).toBeUndefined();
  });

  test('comes back empty or not at all when it was empty', async () => {
    const { callback } = await authorize({ request: { state: '' } });
    expect(callback.searchParams.get('state') || '').toBe('');
  });
});

describe('a client of CLIENTS', () => {
  const at = gateWith({
    CLIENTS: JSON.stringify([
      { client_id: 'notes-app', name: 'Notes', redirect_uris: [REDIRECT], scope: 'mcp:read' },
    ]),
  });
  const client = { client_id: 'notes-app', redirect_uri: REDIRECT };

  test('needs no registration, and gets no more than the settings let it', async () => {
    const scope = ['mcp:read', 'mcp:write', 'mcp:destructive'];
    const { tokens } = await connect({ gate: at, client, scope, request: { scope: scope.join(' ') } });
    expect(tokens.scope).toBe('mcp:read');
  });

  test('is offered nothing else on the consent page', async () => {
    const { page } = await openConsent({ gate: at, client });
    expect(page.html).toContain('value="mcp:read"');
    expect(page.html).not.toMatch(/value="mcp:(write|destructive)"/);
  });

  test('is known to nobody without the setting', async () => {
    const page = await ask({}, client);
    expect([page.status, page.location]).toEqual([400, undefined]);
  });
});
