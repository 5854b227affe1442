import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { casesOr, check, isEnough, timeFor } from '../fixtures/fuzz/settings';
import { soundJson, soundPage } from '../fixtures/fuzz/soundness';
import { oddJson, oddObject, oddPairs, oddText } from '../fixtures/fuzz/unusual-values';
import { type Authorized, authorize, Browser, gate, redeem, registerClient } from '../fixtures/worker';
import { type Confidential, registerConfidential } from '../oauth/clients/confidential';

/* `/oauth/*`, with whatever bodies. */

const CASES = casesOr(150);
const FORM = 'application/x-www-form-urlencoded';
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ASSERTION = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

let authorized: Authorized;
let confidential: Confidential;
let device: { client_id: string };
beforeAll(async () => {
  authorized = await authorize();
  confidential = await registerConfidential('client_secret_post');
  device = await registerClient({ grant_types: [DEVICE_CODE, 'authorization_code', 'refresh_token'] });
});

/** Right but for what isn't there to be right: no case may spend the code. */
function requests(): [path: string, form: Record<string, string>][] {
  const { client_id, redirect_uri } = authorized.client;
  const secret = confidential.credentials().form;
  const code = authorized.code.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  return [
    [
      'token',
      { grant_type: 'authorization_code', client_id, redirect_uri, code, code_verifier: 'v'.repeat(43) },
    ],
    ['token', { grant_type: 'refresh_token', client_id, refresh_token: code, scope: 'mcp:read' }],
    ['token', { grant_type: 'client_credentials', ...secret, scope: 'mcp:read' }],
    ['token', { grant_type: DEVICE_CODE, device_code: code, client_id: device.client_id }],
    ['token', { grant_type: EXCHANGE, subject_token: 'e30.e30.x', subject_token_type: 'jwt', client_id }],
    ['token', { grant_type: ASSERTION, assertion: 'e30.e30.x', resource: 'http://localhost:8787/mcp' }],
    ['revoke', { client_id, token: code, token_type_hint: 'refresh_token' }],
    ['introspect', { ...secret, token: code }],
    ['device_authorization', { client_id: 'none', scope: 'mcp:read' }],
  ];
}

const contentType = fc.oneof(
  { weight: 8, arbitrary: fc.constant(FORM) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      `${FORM}; charset=utf-7`,
      `${FORM}, ${FORM}`,
      'application/json',
      'text/plain',
      '',
    ),
  },
);

/** `Authorization` as no client writes it. */
const authorization = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('Basic ', 'basic ', 'Bearer ', 'DPoP ', '', 'Operator '), oddText)
      .map(([scheme, text]) => scheme + btoa(encodeURIComponent(text.toWellFormed()))),
  },
);

test(
  'every form that is sent to an endpoint for clients is answered in JSON, by a code of its RFC',
  async () => {
    const sent = fc.nat(requests().length - 1).chain((at) => {
      const [path, form] = requests()[at] ?? ['token', {}];
      return fc.record({ path: fc.constant(path), body: oddPairs(form), type: contentType, authorization });
    });
    const property = fc.asyncProperty(sent, async ({ path, body, type, authorization }) => {
      const headers = { 'content-type': type, ...(authorization === undefined ? {} : { authorization }) };
      await soundJson(await gate.fetch(`/oauth/${path}`, { method: 'POST', headers, body }));
    });
    await check('/oauth/*', property, CASES);
    expect((await redeem(authorized)).status).toBe(200);
  },
  timeFor(CASES, 20),
);

const metadata = {
  client_name: 'Fuzz',
  redirect_uris: ['https://app.example/callback', 'http://127.0.0.1:9999/callback'],
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  client_uri: 'https://app.example/',
  logo_uri: 'https://app.example/logo.png',
  policy_uri: 'https://app.example/policy',
  tos_uri: 'https://app.example/terms',
  jwks_uri: 'https://app.example/jwks',
  contacts: ['ops@app.example'],
  scope: 'mcp:read',
};

test(
  'every registration is refused by a code of its RFC, or gives a client that only its own addresses lead to',
  async () => {
    let registered = 0;
    const bodies = fc.oneof({ weight: 9, arbitrary: oddObject(metadata) }, { weight: 1, arbitrary: oddJson });
    const property = fc.asyncProperty(bodies, async (body) => {
      const headers = { 'content-type': 'application/json' };
      const response = await gate.fetch('/oauth/register', { method: 'POST', headers, body });
      const answer = await soundJson(response);
      if (response.status !== 201) return;
      registered++;
      await expectRegistered(answer);
    });
    await check('/oauth/register', property, CASES);
    expect(isEnough(registered, CASES), `${registered} of ${CASES}`).toBe(true);
  },
  timeFor(CASES, 20),
);

async function expectRegistered({ client_id, redirect_uris }: Record<string, unknown>): Promise<void> {
  expect(client_id).toMatch(/^[\w-]{1,100}$/);
  const uris = redirect_uris as string[];
  for (const uri of uris) expect(uri).toMatch(/^(https:\/\/|http:\/\/(127\.0\.0\.1|localhost|\[::1\])[:/])/i);
  const request = {
    client_id: String(client_id),
    redirect_uri: uris[0] ?? '',
    response_type: 'code',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  };
  const browser = new Browser();
  const opened = await soundPage(await browser.visit(`/authorize?${new URLSearchParams(request)}`));
  if (opened?.startsWith('/')) await soundPage(await browser.visit(opened));
}
