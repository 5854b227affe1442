import { afterEach, describe, expect, test, vi } from 'vitest';
import type { OidcProvider } from '../../src/config/identity-providers';
import { beginOidc, finishOidc, type OidcTransaction } from '../../src/sign-in/oidc';
import { type LoginStep, signInAtProvider } from '../fixtures/oidc-browser';
import {
  type OidcProviderOptions,
  type RunningOidcProvider,
  startOidcProvider,
} from '../fixtures/oidc-provider';
import { oidcSettings } from '../fixtures/oidc-settings';
import type { Tamper } from '../fixtures/oidc-tamper';

const REDIRECT_URI = 'http://localhost:8787/sign-in/callback';
const running: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

async function start(options: Partial<OidcProviderOptions> = {}): Promise<RunningOidcProvider> {
  const provider = await startOidcProvider({ redirect_uris: [REDIRECT_URI], ...options });
  running.push(provider);
  return provider;
}

/** What stands once the browser has come back from the provider. */
async function comeBack(op: RunningOidcProvider, changes: Partial<OidcProvider> = {}, step: LoginStep = {}) {
  const provider = oidcSettings(op.issuer, changes);
  const begun = await beginOidc(provider, REDIRECT_URI, 'flow-1', { local: true });
  if (!begun.ok) throw new Error(`not begun: ${begun.error.reason}`);
  const { url, transaction } = begun.value;
  const callback = await signInAtProvider(url, step);
  const finish = (
    change: { secret?: string | undefined; transaction?: Partial<OidcTransaction>; callback?: URL } = {},
  ) =>
    finishOidc({
      provider,
      clientSecret: 'secret' in change ? change.secret : op.client_secret,
      redirectUri: REDIRECT_URI,
      transaction: { ...transaction, ...change.transaction },
      answer: change.callback ?? callback,
      local: true,
    });
  return { callback, transaction, finish };
}

async function signIn(op: RunningOidcProvider, changes: Partial<OidcProvider> = {}) {
  const { finish } = await comeBack(op, changes);
  return finish();
}

async function begin(issuer: string) {
  return beginOidc(oidcSettings(issuer), REDIRECT_URI, 'flow-1', { local: true });
}

describe('a sign-in at an OIDC provider', () => {
  test('knows who it is by issuer and subject, with name, address and groups', async () => {
    const op = await start();
    expect(await signIn(op)).toMatchObject({
      ok: true,
      value: {
        identity: {
          provider: 'acme',
          issuer: op.issuer,
          subject: 'alice-1',
          name: 'Alice Ames',
          email: 'alice@acme.example',
          email_verified: true,
          groups: ['staff', 'engineering'],
        },
        refresh_token: undefined,
      },
    });
  });

  test('asks with PKCE S256, a nonce and a state that begins with the flow', async () => {
    const op = await start();
    const begun = await begin(op.issuer);
    if (!begun.ok) throw new Error(begun.error.reason);
    const { url, transaction } = begun.value;
    const query = Object.fromEntries(new URL(url).searchParams);
    expect(query).toMatchObject({
      response_type: 'code',
      client_id: 'gatehouse',
      redirect_uri: REDIRECT_URI,
      // The provider lists it, so that it can be asked again later.
      scope: 'openid profile email offline_access',
      code_challenge_method: 'S256',
      state: transaction.state,
      nonce: transaction.nonce,
    });
    expect(query.state).toMatch(/^flow-1\.[\w-]{43}$/);
    expect(query).not.toHaveProperty('prompt');
    expect(url).not.toContain(transaction.code_verifier);
  });

  test('two sign-ins of one flow share no state, nonce or verifier', async () => {
    const op = await start();
    const [one, other] = [await begin(op.issuer), await begin(op.issuer)];
    if (!one.ok || !other.ok) throw new Error('not begun');
    for (const member of ['state', 'nonce', 'code_verifier'] as const) {
      expect(one.value.transaction[member]).not.toBe(other.value.transaction[member]);
    }
  });

  test('can make the provider ask which account, and takes the one then chosen', async () => {
    const op = await start();
    op.setUser({ sub: 'bob-1', name: 'Bob' });
    const provider = oidcSettings(op.issuer);
    const begun = await beginOidc(provider, REDIRECT_URI, 'flow-1', { selectAccount: true, local: true });
    if (!begun.ok) throw new Error(begun.error.reason);
    expect(new URL(begun.value.url).searchParams.get('prompt')).toBe('select_account');
    const answer = await signInAtProvider(begun.value.url, { login: 'alice-1' });
    const { transaction } = begun.value;
    const at = { provider, clientSecret: op.client_secret, redirectUri: REDIRECT_URI, local: true };
    const finished = await finishOidc({ ...at, transaction, answer });
    expect(finished).toMatchObject({ ok: true, value: { identity: { subject: 'alice-1' } } });
  });

  test('asks userinfo when the ID token says only who it is', async () => {
    const op = await start({ id_token_claims: false });
    const signedIn = await signIn(op);
    expect(signedIn).toMatchObject({
      ok: true,
      value: {
        identity: { name: 'Alice Ames', email: 'alice@acme.example', groups: ['staff', 'engineering'] },
      },
    });
  });

  test.each([
    ['client_secret_post', 'a-secret'],
    ['none', undefined],
  ] as const)('authenticates with %s where the provider has nothing else', async (method, secret) => {
    const op = await start({
      token_endpoint_auth_method: method,
      ...(secret === undefined ? {} : { client_secret: secret }),
    });
    const { finish } = await comeBack(op);
    const requests = vi.spyOn(globalThis, 'fetch');
    expect(await finish({ secret })).toMatchObject({ ok: true, value: { identity: { subject: 'alice-1' } } });
    const sent = requests.mock.calls.find(([url]) => url === `${op.issuer}/token`)?.[1];
    requests.mockRestore();
    expect(new Headers(sent?.headers).has('authorization')).toBe(false);
    expect(new URLSearchParams(String(sent?.body)).get('client_secret')).toBe(secret ?? null);
  });

  test.each([
    ['an array', 'groups', { groups: ['staff', 'engineering'] }, ['staff', 'engineering']],
    ['one string', 'department', { department: 'Sales' }, ['Sales']],
    ['a nested claim', 'realm_access.roles', { realm_access: { roles: ['ops'] } }, ['ops']],
    ['a name with a dot', 'acme.groups', { 'acme.groups': ['dotted'] }, ['dotted']],
    [
      'a URL',
      'https://acme.example/groups',
      { 'https://acme.example/groups': ['namespaced'] },
      ['namespaced'],
    ],
    ['no claim', 'teams', { groups: ['staff'] }, []],
  ])('reads groups from %s', async (_shape, groups_claim, claims, groups) => {
    const op = await start({ user: { sub: 'carol-1', ...claims } });
    expect(await signIn(op, { groups_claim })).toMatchObject({ ok: true, value: { identity: { groups } } });
  });
});

describe('an answer that is wrong in one thing is refused', () => {
  test.each<[Tamper, string]>([
    ['nonce', 'oidc_nonce_mismatch'],
    ['iss', 'oidc_issuer_mismatch'],
    ['aud', 'oidc_audience_mismatch'],
    ['exp', 'oidc_token_expired'],
    ['signature', 'oidc_signature_invalid'],
    ['no_id_token', 'oidc_token_invalid'],
    ['unsigned', 'oidc_token_invalid'],
    ['state', 'oidc_state_mismatch'],
  ])('%s: %s, and the same sign-in unharmed is accepted', async (kind, reason) => {
    const op = await start();
    op.tamper(kind);
    expect(await signIn(op)).toMatchObject({ ok: false, error: { reason } });
    op.tamper('none');
    expect(await signIn(op)).toMatchObject({ ok: true });
  });

  test.each<[Tamper, string]>([
    ['userinfo_sub', 'oidc_userinfo_mismatch'],
    ['userinfo_down', 'oidc_unreachable'],
  ])('%s: %s', async (kind, reason) => {
    const op = await start({ id_token_claims: false });
    op.tamper(kind);
    expect(await signIn(op)).toMatchObject({ ok: false, error: { reason } });
  });

  test('a callback of another sign-in: its state, its code and its verifier are each not ours', async () => {
    const op = await start();
    const ours = await comeBack(op);
    const theirs = await comeBack(op);
    expect(await ours.finish({ callback: theirs.callback })).toMatchObject({
      ok: false,
      error: { reason: 'oidc_state_mismatch' },
    });
    const spliced = new URL(ours.callback);
    spliced.searchParams.set('code', theirs.callback.searchParams.get('code') ?? '');
    expect(await ours.finish({ callback: spliced })).toMatchObject({
      ok: false,
      error: { reason: 'oidc_code_rejected' },
    });
  });

  test('a callback without state, or with two', async () => {
    const op = await start();
    const { callback, finish } = await comeBack(op);
    const without = new URL(callback);
    without.searchParams.delete('state');
    const doubled = new URL(callback);
    doubled.searchParams.append('state', 'flow-1.other');
    for (const changed of [without, doubled]) {
      expect(await finish({ callback: changed })).toMatchObject({
        ok: false,
        error: { reason: 'oidc_state_mismatch' },
      });
    }
  });

  test('a callback that names another issuer, or none although the provider promises it', async () => {
    const op = await start();
    const { callback, finish } = await comeBack(op);
    const other = new URL(callback);
    other.searchParams.set('iss', 'https://somebody-else.example');
    const none = new URL(callback);
    none.searchParams.delete('iss');
    for (const changed of [other, none]) {
      expect(await finish({ callback: changed })).toMatchObject({
        ok: false,
        error: { reason: 'oidc_issuer_mismatch' },
      });
    }
    expect(await finish()).toMatchObject({ ok: true });
  });

  test('a code used a second time', async () => {
    const op = await start();
    const { finish } = await comeBack(op);
    expect(await finish()).toMatchObject({ ok: true });
    expect(await finish()).toMatchObject({ ok: false, error: { reason: 'oidc_code_rejected' } });
  });

  test('a callback without code, or with two', async () => {
    const op = await start();
    const { callback, finish } = await comeBack(op);
    const without = new URL(callback);
    without.searchParams.delete('code');
    const doubled = new URL(callback);
    doubled.searchParams.append('code', 'other');
    for (const changed of [without, doubled])
      expect(await finish({ callback: changed })).toMatchObject({ ok: false });
  });

  test('a wrong client secret differs from a wrong code', async () => {
    const op = await start();
    const { finish } = await comeBack(op);
    const refused = await finish({ secret: 'wrong' });
    expect(refused).toMatchObject({ ok: false, error: { reason: 'oidc_client_rejected' } });
    expect(JSON.stringify(refused)).not.toContain('wrong');
  });

  test('a person who says no differs from an error', async () => {
    const op = await start();
    const { callback, finish } = await comeBack(op, {}, { decision: 'cancel' });
    expect(await finish()).toMatchObject({ ok: false, error: { reason: 'oidc_denied' } });
    const other = new URL(callback);
    other.searchParams.set('error', 'server_error');
    expect(await finish({ callback: other })).toMatchObject({ ok: false, error: { reason: 'oidc_error' } });
  });
});
