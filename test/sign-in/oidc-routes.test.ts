import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { logLines } from '../fixtures/sign-in-provider';
import { Browser, formWith, type Gate, gateWith, locationOf, type Page, textOf } from '../fixtures/worker';
import { openFlow } from '../oauth/pages';

/*
 * Signing in at an OIDC provider, through the Worker. The network beyond is scripted; the provider's keys and
 * signatures are real. The cases of the protocol itself are those of test/e2e, at a certified provider.
 */

const ORIGIN = 'http://localhost:8787';
let keys: { privateKey: CryptoKey; publicKey: CryptoKey };
let wrongKeys: { privateKey: CryptoKey };
beforeAll(async () => {
  keys = await generateKeyPair('RS256', { extractable: true });
  wrongKeys = await generateKeyPair('RS256');
});

/** The provider of one test. A name of its own for each: the gate keeps what it read of a provider. */
let issuer: string;
let provider: {
  metadata: Record<string, unknown>;
  claims: JWTPayload;
  /** Answers in the place of the usual ones, by path. */
  answers: Record<string, () => Response | Promise<Response>>;
  signer: CryptoKey | undefined;
  asked: Request[];
};
let count = 0;

beforeEach(() => {
  issuer = `https://routes${++count}.example`;
  provider = {
    metadata: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
    },
    claims: {
      sub: 'ada',
      name: 'Ada Lovelace',
      email: 'ada@acme.example',
      email_verified: true,
      groups: ['staff'],
    },
    answers: {},
    signer: undefined,
    asked: [],
  };
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    provider.asked.push(request.clone());
    const { pathname } = new URL(request.url);
    return (provider.answers[pathname] ?? (() => answerOf(pathname)))();
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

let nonce = '';
async function answerOf(pathname: string): Promise<Response> {
  if (pathname === '/.well-known/openid-configuration') return Response.json(provider.metadata);
  if (pathname === '/jwks')
    return Response.json({
      keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }],
    });
  if (pathname !== '/token') return new Response(null, { status: 404 });
  const id_token = await new SignJWT({ nonce, ...provider.claims })
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .setIssuer(issuer)
    .setAudience('gate')
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(provider.signer ?? keys.privateKey);
  return Response.json({ access_token: 'upstream-token', token_type: 'Bearer', id_token });
}

function gateOf(more: object = {}, variables: object = {}): Gate {
  const oidc = [{ name: 'acme', title: 'Acme', issuer, client_id: 'gate', ...more }];
  return gateWith({ SIGN_IN: { methods: ['oidc', 'local'], oidc }, DEFAULT_ROLE: 'member', ...variables });
}

/** To the provider, as the page's button does; where the browser is sent. */
async function goToProvider(at: Gate) {
  const { page, browser, url } = await openFlow({ browser: new Browser(at) });
  const sent = await browser.submit(formWith(page, 'provider'), { method: 'oidc', provider: 'acme' });
  if (sent.location === undefined) return { browser, url, page: sent, to: undefined, state: '' };
  const to = new URL(sent.location);
  nonce = to.searchParams.get('nonce') ?? '';
  return { browser, url, page: sent, to, state: to.searchParams.get('state') ?? '' };
}

function comeBack(browser: Browser, parameters: Record<string, string>): Promise<Page> {
  return browser.visit(`/sign-in/callback?${new URLSearchParams(parameters)}`);
}

const signedInAs = async (browser: Browser) => textOf((await browser.visit('/sign-in')).html);

describe('signing in at a provider', () => {
  test('sends the browser there with PKCE, state and nonce, and signs the person in who comes back', async () => {
    const at = gateOf({}, { OIDC_ACME_CLIENT_SECRET: 'secret of acme' });
    const { browser, to, state, url } = await goToProvider(at);
    expect(`${to?.origin}${to?.pathname}`).toBe(`${issuer}/authorize`);
    expect(Object.fromEntries(to?.searchParams ?? [])).toMatchObject({
      client_id: 'gate',
      response_type: 'code',
      redirect_uri: `${ORIGIN}/sign-in/callback`,
      scope: 'openid profile email',
      code_challenge_method: 'S256',
    });
    const back = await comeBack(browser, { state, code: 'the code' });
    expect([back.status, back.location]).toEqual([303, url]);
    const consent = await browser.visit(url);
    expect(textOf(consent.html)).toContain('Ada Lovelace');
    const asked = provider.asked.find((request) => request.url === `${issuer}/token`);
    expect(asked?.headers.get('authorization')).toMatch(/^Basic /);
    const form = new URLSearchParams(await asked?.text());
    expect(form.get('code')).toBe('the code');
    expect(form.get('code_verifier')).toMatch(/^[\w-]{43,}$/);
    const codeless = decodeURIComponent(back.html + [...back.headers].join());
    expect(codeless).not.toContain('upstream-token');
  });

  test('works once: the same callback again signs nobody in', async () => {
    const { browser, state } = await goToProvider(gateOf());
    expect((await comeBack(browser, { state, code: 'c' })).status).toBe(303);
    const tokens = provider.asked.length;
    const again = await comeBack(browser, { state, code: 'c' });
    expect([again.status >= 400, again.location]).toEqual([true, undefined]);
    expect(provider.asked.length).toBe(tokens);
  });

  test('belongs to the browser in which it began', async () => {
    const at = gateOf();
    const { state } = await goToProvider(at);
    const other = await comeBack(new Browser(at), { state, code: 'c' });
    expect(other.status).toBe(403);
    expect(provider.asked.some(({ url }) => url.endsWith('/token'))).toBe(false);
  });

  test('asks userinfo for what the ID token lacks, and takes it of the same subject only', async () => {
    provider.metadata.userinfo_endpoint = `${issuer}/userinfo`;
    provider.claims = { sub: 'ada' };
    provider.answers['/userinfo'] = () => Response.json({ sub: 'ada', name: 'By userinfo' });
    const first = await goToProvider(gateOf());
    await comeBack(first.browser, { state: first.state, code: 'c' });
    expect(await signedInAs(first.browser)).toContain('By userinfo');
    provider.answers['/userinfo'] = () => Response.json({ sub: 'root', name: 'Root' });
    const second = await goToProvider(gateOf());
    const refused = await comeBack(second.browser, { state: second.state, code: 'c' });
    expect([refused.status >= 400, refused.location]).toEqual([true, undefined]);
  });

  test.each([401, 404, 500, 503])(
    'goes on with the ID token where it says enough and userinfo answers %i',
    async (status) => {
      provider.metadata.userinfo_endpoint = `${issuer}/userinfo`;
      provider.claims = { sub: 'ada', name: 'Ada', email: 'ada@acme.example', groups: ['staff'] };
      provider.answers['/userinfo'] = () => new Response('no', { status });
      const { browser, state, url } = await goToProvider(gateOf());
      const lines = logLines();
      expect((await comeBack(browser, { state, code: 'c' })).location).toBe(url);
      expect(await signedInAs(browser)).toContain('Ada');
      expect(lines.find(({ event }) => event === 'sign_in')).toMatchObject({
        outcome: 'ok',
        userinfo: expect.stringContaining('oidc_'),
      });
    },
  );

  test('says in the log which groups and claims arrived, and of nothing else what it is', async () => {
    provider.claims = { sub: 'ada', name: 'Ada Lovelace', hasgroups: true, wids: ['x'], phone: '555-0100' };
    const { browser, state } = await goToProvider(gateOf());
    const lines = logLines();
    await comeBack(browser, { state, code: 'c' });
    expect(lines.find(({ event }) => event === 'sign_in')).toMatchObject({
      groups: [],
      groups_state: 'elsewhere',
      claims: ['name', 'hasgroups', 'wids', 'phone'],
    });
    expect(JSON.stringify(lines)).not.toContain('555-0100');
  });

  test('asks for a refresh token where the provider says that it has them, and without where it then refuses', async () => {
    provider.metadata.scopes_supported = ['openid', 'offline_access'];
    const at = gateOf();
    const { browser, to, state, url } = await goToProvider(at);
    expect(to?.searchParams.get('scope')).toBe('openid profile email offline_access');
    const again = new URL(locationOf(await comeBack(browser, { state, error: 'invalid_scope' })));
    expect(again.origin).toBe(issuer);
    expect(again.searchParams.get('scope')).toBe('openid profile email');
    nonce = again.searchParams.get('nonce') ?? '';
    const second = again.searchParams.get('state') ?? '';
    expect(second).not.toBe(state);
    const refused = await comeBack(new Browser(at), { state: second, code: 'c' });
    expect(refused.status).toBe(403);
    const back = await comeBack(browser, { state: second, code: 'c' });
    expect([back.status, back.location]).toEqual([303, url]);
    expect(await signedInAs(browser)).toContain('Ada Lovelace');
  });

  test.each<[string, Record<string, string> | (() => Response)]>([
    ['in the browser, invalid_scope', { error: 'invalid_scope' }],
    ['in the browser, invalid_request', { error: 'invalid_request', error_description: 'offline_access' }],
    ['in the browser, access_denied', { error: 'access_denied' }],
    [
      'by the token endpoint, invalid_scope',
      () => Response.json({ error: 'invalid_scope' }, { status: 400 }),
    ],
    ['by the token endpoint, not_allowed', () => Response.json({ error: 'not_allowed' }, { status: 400 })],
  ])('takes back the scope that it added, once, where it is refused %s', async (_where, refusal) => {
    provider.metadata.scopes_supported = ['openid', 'offline_access'];
    const at = gateOf();
    const { browser, state, url } = await goToProvider(at);
    if (typeof refusal === 'function') provider.answers['/token'] = refusal;
    const answer = typeof refusal === 'function' ? { code: 'c' } : refusal;
    const again = new URL(locationOf(await comeBack(browser, { state, ...answer })));
    expect(again.searchParams.get('scope')).toBe('openid profile email');
    provider.answers = {};
    nonce = again.searchParams.get('nonce') ?? '';
    const second = again.searchParams.get('state') ?? '';
    expect((await comeBack(browser, { state: second, code: 'c' })).location).toBe(url);
    const next = await goToProvider(at);
    expect(next.to?.searchParams.get('scope')).toBe('openid profile email');
  });

  test('doesn’t send a person back to the provider who declined there, nor twice', async () => {
    provider.metadata.scopes_supported = ['openid', 'offline_access'];
    const first = await goToProvider(gateOf());
    const denied = { error: 'access_denied', error_description: 'The user canceled' };
    const page = await comeBack(first.browser, { state: first.state, ...denied });
    expect([page.location, page.status]).toEqual([undefined, 400]);
    const { browser, state } = await goToProvider(gateOf());
    const again = new URL(locationOf(await comeBack(browser, { state, error: 'invalid_scope' })));
    const second = again.searchParams.get('state') ?? '';
    expect((await comeBack(browser, { state: second, error: 'invalid_scope' })).location).toBeUndefined();
  });

  test('asks for a refresh token as the setting says', async () => {
    const { to } = await goToProvider(gateOf({ offline_access: true }));
    expect(to?.searchParams.get('scope')).toBe('openid profile email offline_access');
    provider.metadata.scopes_supported = ['openid', 'offline_access'];
    const { to: without } = await goToProvider(gateOf({ offline_access: false, client_id: 'other' }));
    expect(without?.searchParams.get('scope')).toBe('openid profile email');
  });

  test('sends the parameters of the settings, and takes an answer that the provider posts', async () => {
    const more = { response_mode: 'form_post', authorize_parameters: { prompt: 'consent', hd: 'acme.com' } };
    const { browser, state, to, url } = await goToProvider(gateOf(more));
    const sent = { response_mode: 'form_post', prompt: 'consent', hd: 'acme.com', client_id: 'gate' };
    expect(Object.fromEntries(to?.searchParams ?? [])).toMatchObject(sent);
    const posted = await gateOf(more).fetch('/sign-in/callback', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: issuer },
      body: new URLSearchParams({ state, code: 'c', user: '{"name":"Root"}', id_token: 'x' }),
      redirect: 'manual',
    });
    const back = posted.headers.get('location') ?? '';
    expect([posted.status, back]).toEqual([303, `/sign-in/callback?state=${state}&code=c`]);
    expect((await browser.visit(back)).location).toBe(url);
    expect(await signedInAs(browser)).toContain('Ada Lovelace');
  });

  test.each<[string, object, unknown, string | undefined]>([
    ['there too, where the setting says so', { end_session: true }, undefined, '/end?x=1'],
    ['here alone by default', {}, undefined, undefined],
    ['here alone where the provider has nothing for it', { end_session: true }, null, undefined],
    ['here alone where it would be a script', { end_session: true }, 'javascript:alert(1)', undefined],
  ])('signs out %s', async (_where, more, endpoint, path) => {
    provider.metadata.end_session_endpoint =
      endpoint === undefined ? `${issuer}/end?x=1` : (endpoint ?? undefined);
    const { browser, state } = await goToProvider(gateOf(more));
    await comeBack(browser, { state, code: 'c' });
    const page = await browser.visit('/sign-in');
    const [form] = page.forms;
    if (!form) throw new Error('no form');
    const out = await browser.submit(form, {});
    const back = new URLSearchParams({ client_id: 'gate', post_logout_redirect_uri: `${ORIGIN}/sign-out` });
    expect(out.location).toBe(path && `${issuer}${path}&${back}`);
    expect((await browser.visit('/sign-in')).location).toContain('flow=');
  });

  test('authenticates as the setting says, where the metadata lists something else', async () => {
    provider.metadata.token_endpoint_auth_methods_supported = ['private_key_jwt', 'client_secret_basic'];
    const secret = { OIDC_ACME_CLIENT_SECRET: 's+e%cret' };
    const { browser, state } = await goToProvider(
      gateOf({ token_endpoint_auth_method: 'client_secret_post' }, secret),
    );
    expect((await comeBack(browser, { state, code: 'c' })).status).toBe(303);
    const asked = provider.asked.find(({ url }) => url === `${issuer}/token`);
    expect(asked?.headers.get('authorization')).toBeNull();
    expect(new URLSearchParams(await asked?.text()).get('client_secret')).toBe('s+e%cret');
  });

  test('ends with a page where what the settings ask for is refused', async () => {
    const { browser, state } = await goToProvider(gateOf({ scopes: 'openid offline_access' }));
    const page = await comeBack(browser, { state, error: 'invalid_scope' });
    expect([page.status >= 400, page.location]).toEqual([true, undefined]);
    expect(textOf(page.html)).toContain('Acme');
  });

  test('asks which account, for somebody who is not the one', async () => {
    const at = gateOf();
    const { browser, state, url } = await goToProvider(at);
    await comeBack(browser, { state, code: 'c' });
    const out = await browser.submit(formWith(await browser.visit(url), 'flow'), {});
    const page = await browser.visit(locationOf(out));
    const sent = await browser.submit(formWith(page, 'provider'), { method: 'oidc', provider: 'acme' });
    expect(new URL(locationOf(sent)).searchParams.get('prompt')).toBe('select_account');
  });
});

describe('nobody is signed in', () => {
  async function expectRefused(page: Page, browser: Browser, says: string): Promise<void> {
    expect([page.location, page.status >= 400]).toEqual([undefined, true]);
    expect(textOf(page.html)).toContain(says);
    expect((await browser.visit('/sign-in')).location).toContain('/sign-in?flow=');
  }

  test.each<[string, () => void, string]>([
    [
      'signed by another key',
      () => {
        provider.signer = wrongKeys.privateKey;
      },
      'Acme',
    ],
    [
      'for another nonce',
      () => {
        provider.claims = { ...provider.claims, nonce: 'another' };
      },
      'Acme',
    ],
    [
      'without a subject',
      () => {
        const { sub: _, ...rest } = provider.claims;
        provider.claims = rest;
      },
      'Acme',
    ],
  ])('by an ID token %s', async (_what, spoil, says) => {
    const { browser, state } = await goToProvider(gateOf());
    spoil();
    await expectRefused(await comeBack(browser, { state, code: 'c' }), browser, says);
  });

  test.each<[string, () => Response | Promise<Response>]>([
    ['refuses the code', () => Response.json({ error: 'invalid_grant' }, { status: 400 })],
    ['does not know us', () => Response.json({ error: 'invalid_client' }, { status: 401 })],
    ['is down', () => new Response('oops', { status: 503 })],
    ['redirects', () => Response.redirect('http://169.254.169.254/', 302)],
    ['gives no ID token', () => Response.json({ access_token: 'x', token_type: 'Bearer' })],
    ['is gone', () => Promise.reject(new Error('reset'))],
  ])('when the provider %s', async (_what, answer) => {
    const { browser, state } = await goToProvider(gateOf());
    provider.answers['/token'] = answer;
    await expectRefused(await comeBack(browser, { state, code: 'c' }), browser, 'Acme');
  });

  test.each([
    [{ error: 'access_denied', error_description: 'not assigned' }, 'Acme refused the sign-in'],
    [{ error: 'server_error' }, 'Acme reported an error of its own'],
    [{ error: 'temporarily_unavailable' }, 'Acme reported an error of its own'],
    [{ error: 'login_required' }, 'Acme refused the sign-in'],
    [{ error: 'unauthorized_client' }, 'Acme refused our request, not you'],
    [{ error: 'invalid_request' }, 'Acme refused our request, not you'],
  ])('who is told what happened, and not that they canceled: %j', async (parameters, says) => {
    const { browser, state } = await goToProvider(gateOf());
    const lines = logLines();
    const page = await comeBack(browser, { state, ...parameters });
    await expectRefused(page, browser, says);
    expect(textOf(page.html)).not.toMatch(/cancel/i);
    const [line] = lines.filter(({ event }) => event === 'sign_in');
    expect(line?.detail).toContain(Object.values(parameters).join(': '));
  });

  test('by an error without a state, which the log has', async () => {
    const lines = logLines();
    const error = { error: 'access_denied', error_description: 'AADSTS50105: not assigned' };
    expect((await comeBack(new Browser(gateOf()), error)).status).toBe(400);
    expect(lines.find(({ event }) => event === 'sign_in')).toMatchObject({
      outcome: 'refused',
      reason: 'oidc_error',
      detail: 'access_denied: AADSTS50105: not assigned',
    });
  });

  test('what the provider quotes of a secret isn’t in the log', async () => {
    const { browser, state } = await goToProvider(gateOf({}, { OIDC_ACME_CLIENT_SECRET: 'hush hush' }));
    const lines = logLines();
    const error_description = 'hush hush is no secret of mine, and the-code no code';
    provider.answers['/token'] = () => Response.json({ error: 'nope', error_description }, { status: 400 });
    await comeBack(browser, { state, code: 'the-code' });
    expect(JSON.stringify(lines)).toContain('nope: … is no secret of mine');
    expect(JSON.stringify(lines)).not.toMatch(/hush|the-code/);
  });

  test.each([
    ['says no', { error: 'access_denied' }],
    ['errs', { error: 'server_error', error_description: '<b>oops</b>' }],
    ['comes back in the name of another', { code: 'c', iss: 'https://other.example' }],
  ])('when the person at the provider %s, and may try again', async (_what, parameters) => {
    const { browser, state } = await goToProvider(gateOf());
    const page = await comeBack(browser, { state, ...parameters });
    await expectRefused(page, browser, 'Acme');
    expect(page.html).not.toContain('<b>oops');
    expect(page.html).toContain('/sign-in?flow=');
  });

  test('by a state that is not the one of the flow', async () => {
    const { browser, state } = await goToProvider(gateOf());
    const page = await comeBack(browser, { state: `${state.split('.')[0]}.another`, code: 'c' });
    await expectRefused(page, browser, 'Acme');
  });

  test.each(['', 'nonsense', 'a.b'])('by a callback that nobody waits for: state %j', async (state) => {
    const browser = new Browser(gateOf());
    const page = await comeBack(browser, { state, code: 'c' });
    expect([page.status >= 400, page.location]).toEqual([true, undefined]);
  });

  test.each<[string, () => Response]>([
    ['down', () => new Response(null, { status: 500 })],
    ['another’s', () => Response.json({ ...provider.metadata, issuer: 'https://other.example' })],
    ['without a token endpoint', () => Response.json({ ...provider.metadata, token_endpoint: undefined })],
    [
      'sending people to a script',
      () => Response.json({ ...provider.metadata, authorization_endpoint: 'javascript:alert(1)' }),
    ],
  ])('at a provider whose metadata is %s', async (_what, answer) => {
    provider.answers['/.well-known/openid-configuration'] = answer;
    const { page, to } = await goToProvider(gateOf());
    expect([to, page.status >= 400]).toEqual([undefined, true]);
    expect(textOf(page.html)).toContain('Acme');
  });

  test('at a provider that nobody named', async () => {
    const { page, browser } = await openFlow({ browser: new Browser(gateOf()) });
    const sent = await browser.submit(formWith(page, 'provider'), { method: 'oidc', provider: 'other' });
    expect([sent.status, sent.location]).toEqual([400, undefined]);
    expect(provider.asked).toEqual([]);
  });
});

test('an address of a bound domain comes in at its provider, and by no name of one’s own', async () => {
  const at = gateOf({ domains: ['acme.example'] });
  const { browser, state } = await goToProvider(at);
  expect((await comeBack(browser, { state, code: 'c' })).status).toBe(303);
  const { page, browser: other } = await openFlow({ browser: new Browser(at) });
  const fields = { method: 'local', name: 'Eve', email: 'eve@acme.example' };
  const refused = await other.submit(formWith(page, 'name'), fields);
  expect([refused.status, refused.location]).toEqual([403, undefined]);
  expect(textOf(refused.html)).toContain('Acme');
});
