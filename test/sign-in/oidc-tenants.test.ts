import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { beginOidc, finishOidc } from '../../src/sign-in/oidc';
import type { OidcRefusal, OidcResult } from '../../src/sign-in/oidc-refusals';
import { pass, startClock, stopClock } from '../fixtures/clock';
import { expectInvalidGrant } from '../fixtures/refusals';
import { connectAt, gateAt, onNetwork, SignInProvider } from '../fixtures/sign-in-provider';
import { refresh } from '../fixtures/worker';

/* Issuers of many tenants (Entra), and providers whose document isn't where their issuer says (Azure AD B2C). */

const ACME = '2f6b1c9e-1111-2222-3333-444455556666';
const GLOBEX = '7a7a7a7a-1111-2222-3333-444455556666';
const REDIRECT = 'https://gate.example/sign-in/callback';

let provider: SignInProvider;
let issuer: string;

beforeEach(() => {
  stopClock();
  provider = new SignInProvider();
  issuer = `${provider.issuer}/organizations/v2.0`;
  const own = provider.fetch.bind(provider);
  provider.fetch = async (request) => {
    const { pathname } = new URL(request.url);
    if (!pathname.endsWith('/.well-known/openid-configuration')) return own(request);
    const found = await own(new Request(`${provider.issuer}/.well-known/openid-configuration`));
    const named = provider.metadata.issuer ?? `${provider.issuer}/{tenantid}/v2.0`;
    return Response.json({ ...((await found.json()) as object), issuer: named });
  };
  provider.claims = { ...provider.claims, iss: `${provider.issuer}/${ACME}/v2.0`, tid: ACME };
  onNetwork(provider);
});
afterEach(() => {
  vi.restoreAllMocks();
  startClock();
});

async function signIn(more: object = {}): Promise<OidcRefusal | string> {
  const settings = { ...oidc(), ...more };
  const begun = await beginOidc(settings, REDIRECT, 'flow-1');
  if (!begun.ok) return begun.error.reason;
  const { transaction } = begun.value;
  provider.nonce = transaction.nonce;
  const answer = new URL(`${REDIRECT}?${new URLSearchParams({ state: transaction.state, code: 'c' })}`);
  const at = { provider: settings, clientSecret: undefined, redirectUri: REDIRECT, local: false };
  const done: OidcResult<{ identity: { issuer: string } }> = await finishOidc({ ...at, transaction, answer });
  return done.ok ? done.value.identity.issuer : done.error.reason;
}

function oidc() {
  const given = { name: 'entra', issuer, tenants: [ACME], client_id: 'gate', scopes: 'openid' };
  return { ...given, groups_claim: 'groups', domains: [], recheck: 43_200, max_age: 2_592_000 };
}

describe('people of a tenant that is listed', () => {
  test('are users of their own tenant’s issuer', async () => {
    expect(await signIn()).toBe(`${provider.issuer}/${ACME}/v2.0`);
    expect(await signIn({ tenants: [GLOBEX, ACME] })).toBe(`${provider.issuer}/${ACME}/v2.0`);
  });

  test('are asked about again', async () => {
    const at = gateAt(provider, { issuer, tenants: [ACME] });
    const app = await connectAt(provider, at);
    pass(86_400);
    provider.knows = false;
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    expect(provider.presented).toHaveLength(1);
  });
});

test.each<[string, object, object]>([
  ['another tenant', {}, { iss: GLOBEX }],
  ['a tenant that says to be another', {}, { iss: `${GLOBEX}/v2.0?${ACME}` }],
  ['no tenant', {}, { iss: '{tenantid}' }],
  ['the shared issuer itself', {}, { iss: 'organizations' }],
])('%s is refused', async (_what, more, { iss }: { iss?: string }) => {
  provider.claims = { ...provider.claims, iss: `${provider.issuer}/${iss}/v2.0` };
  expect(await signIn(more)).toBe('oidc_issuer_mismatch');
});

test('a document that names another host is refused', async () => {
  provider.metadata.issuer = 'https://other.example/{tenantid}/v2.0';
  expect(await signIn()).toBe('oidc_issuer_mismatch');
});

test('a document is read where `discovery_url` says, and has to name the issuer of the settings', async () => {
  const [b2c, discovery_url] = [
    `${provider.issuer}/${ACME}/v2.0/`,
    `${provider.issuer}/policy/.well-known/openid-configuration`,
  ];
  provider.metadata.issuer = b2c;
  provider.claims = { ...provider.claims, iss: b2c };
  expect(await signIn({ issuer: b2c, discovery_url, tenants: undefined })).toBe(b2c);
  const other = { issuer: `${provider.issuer}/other`, discovery_url, tenants: undefined };
  expect(await signIn(other)).toMatch(/oidc_(issuer_mismatch|metadata_invalid)/);
});

test('keys that changed a moment ago are fetched again, and once', async () => {
  expect(await signIn()).toContain(ACME);
  const fetched = vi.mocked(globalThis.fetch);
  const keys = () => fetched.mock.calls.filter(([url]) => String(url).endsWith('/jwks')).length;
  const before = keys();
  await provider.rotateKeys();
  expect(await signIn()).toContain(ACME);
  expect(keys()).toBe(before + 1);
  expect(await signIn()).toContain(ACME);
  expect(keys()).toBe(before + 1);
});

test.each([
  [-59, 'is taken as it is'],
  [-61, 'is refused'],
])('a token that ended %i s ago %s', async (exp) => {
  provider.claims = { ...provider.claims, exp: Math.floor(Date.now() / 1000) + exp };
  expect(await signIn()).toBe(exp > -60 ? `${provider.issuer}/${ACME}/v2.0` : 'oidc_token_expired');
});

test('userinfo as a JWT of somebody else’s key is refused, and of the provider’s is taken', async () => {
  provider.claims = { sub: 'ada', iss: `${provider.issuer}/${ACME}/v2.0` };
  provider.metadata.userinfo_signing_alg_values_supported = ['RS256'];
  let foreign = true;
  const jwt = await Promise.all(
    [true, false].map((other) => provider.signUserinfo({ sub: 'ada', name: 'Ada' }, other)),
  );
  provider.userinfo = () =>
    new Response(jwt[foreign ? 0 : 1], { headers: { 'content-type': 'application/jwt' } });
  expect(await signIn()).toBe('oidc_signature_invalid');
  foreign = false;
  expect(await signIn()).toContain(ACME);
});
