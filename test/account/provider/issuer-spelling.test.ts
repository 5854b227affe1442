import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseKeyring, userIdOf } from '../../../src/crypto';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { whoIn } from '../../fixtures/keys';
import { expectInvalidGrant } from '../../fixtures/refusals';
import {
  type Connected,
  connectAt,
  gateAt,
  goOn,
  type Line,
  logLines,
  onNetwork,
  renew,
  SignInProvider,
} from '../../fixtures/sign-in-provider';
import { accountOf, callMcp, gateWith, refresh } from '../../fixtures/worker';

/* A provider whose issuer the settings spell in another way than its own documents and tokens do. */

const DAY = 86_400;

let provider: SignInProvider;
let logged: Line[];

beforeEach(() => {
  stopClock();
  provider = new SignInProvider();
  onNetwork(provider);
  logged = logLines();
});
afterEach(() => {
  vi.restoreAllMocks();
  startClock();
});

const lastRefusal = () => logged.findLast(({ event }) => event === 'token_refreshed')?.reason;
const who = async ({ tokens, gate }: Connected) => whoIn(await callMcp(tokens.access_token, { gate }));
const gateOf = (issuer: string, more: object = {}) => gateAt(provider, { issuer, ...more });

/** The spellings of the settings and of the provider itself, of one host. */
const SPELLINGS: [what: string, setting: (host: string) => string, itself: (host: string) => string][] = [
  ['the provider ends its own with a slash', (host) => `https://${host}`, (host) => `https://${host}/`],
  ['the settings end it with a slash', (host) => `https://${host}/`, (host) => `https://${host}`],
  [
    'the settings have it in upper case',
    (host) => `HTTPS://${host.toUpperCase()}`,
    (host) => `https://${host}`,
  ],
  ['the settings name the default port', (host) => `https://${host}:443`, (host) => `https://${host}/`],
  ['the provider has a path and no slash', (host) => `https://${host}/t/`, (host) => `https://${host}/t`],
  ['the provider has a path and a slash', (host) => `https://${host}/t`, (host) => `https://${host}/t/`],
];

describe.each(SPELLINGS)('%s', (_what, setting, itself) => {
  let host: string;
  let issuer: string;

  beforeEach(() => {
    host = new URL(provider.issuer).host;
    issuer = setting(host);
    provider.itself = itself(host);
  });

  test('its rejection counts: it is asked, and its `invalid_grant` ends every grant', async () => {
    const app = await connectAt(provider, gateOf(issuer));
    pass(DAY);
    provider.knows = false;
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    expect(lastRefusal()).toBe('provider_said_no');
    expect(provider.presented).toEqual([provider.given[0]]);
    expect((await callMcp(app.tokens.access_token, { gate: app.gate })).status).toBe(401);
  });

  test('groups that were taken away are gone with the next refresh', async () => {
    const app = await connectAt(provider, gateOf(issuer));
    expect(await who(app)).toMatchObject({ role: 'member' });
    provider.claims = { ...provider.claims, groups: [] };
    pass(DAY);
    app.tokens = await renew(app);
    expect(await who(app)).toMatchObject({ role: 'viewer' });
  });

  test('`max_age` counts where it can’t be asked', async () => {
    provider.givesRefreshTokens = false;
    const app = await connectAt(provider, gateOf(issuer, { max_age: 2 * DAY }));
    await goOn(app, 1);
    pass(DAY);
    expectInvalidGrant(await refresh(app, app.tokens.refresh_token));
    expect(lastRefusal()).toBe('sign_in_too_old');
  });

  test('who signed in before the setting was corrected is the same user, and asked about', async () => {
    const app = await connectAt(provider, gateOf(issuer));
    const { user } = await who(app);
    const corrected = gateOf(provider.itself);
    pass(DAY);
    app.tokens = await renew({ ...app, gate: corrected });
    expect(logged.findLast(({ event }) => event === 'provider_asked')).toMatchObject({ outcome: 'ok' });
    const again = await connectAt(provider, corrected);
    expect((await who(again)).user.id).toBe(user.id);
  });

  test('the user’s id comes from the issuer as ID tokens spell it, as it always has', async () => {
    const app = await connectAt(provider, gateOf(issuer));
    const keyring = parseKeyring(env.GATEHOUSE_KEYS ?? '');
    if (!keyring.ok) throw new Error(keyring.error.reason);
    const id = await userIdOf(keyring.value, provider.itself, 'ada');
    expect(app.tokens.access_token.split(':')[0]).toBe(id);
    const stored = await runInDurableObject(accountOf(id), (_, { storage }) =>
      storage.sql.exec('SELECT issuer FROM profile').one(),
    );
    expect(stored).toEqual({ issuer: provider.itself });
  });
});

test('the id of a user doesn’t change: with it would go their grants, connections and keys', async () => {
  const ids = btoa('0123456789abcdef0123456789abcdef');
  const keyring = parseKeyring(JSON.stringify({ '2026-11': ids, ids }));
  if (!keyring.ok) throw new Error(keyring.error.reason);
  expect(await userIdOf(keyring.value, 'https://acme.auth0.com/', 'auth0|ada')).toBe(
    'JCFESgDd9QM_8tv6wTV5YqLgNGLDDgd4',
  );
  expect(await userIdOf(keyring.value, 'https://acme.auth0.com', 'auth0|ada')).toBe(
    'gCwr3nz3sqRqXnXG2qWfANeu--J7nzR8',
  );
});

test.each([
  ['another path', (host: string) => `https://${host}/other`],
  ['another port', (host: string) => `https://${host}:8443`],
  ['another host', () => 'https://elsewhere.example'],
])(
  'a provider of the settings that is another one (%s) is never asked by that one’s refresh token',
  async (_what, other) => {
    const app = await connectAt(provider, gateOf(provider.issuer));
    const changed = gateOf(other(new URL(provider.issuer).host));
    pass(DAY);
    app.tokens = await renew({ ...app, gate: changed });
    expect(provider.presented).toEqual([]);
  },
);

test('a sign-in provider with a query or a fragment is no issuer, and /health says so', async () => {
  for (const issuer of ['https://id.example/?tenant=a', 'https://id.example/#a', 'https://a:b@id.example']) {
    const at = gateWith({ SIGN_IN: { oidc: [{ name: 'acme', issuer, client_id: 'gate' }] } });
    const answer = await at.fetch('/health');
    expect(answer.status).toBe(503);
    expect(JSON.stringify(await answer.json())).toContain('SIGN_IN.oidc[0].issuer');
  }
});
