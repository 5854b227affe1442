import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import type { Page } from 'playwright-core';
import { decodeQR } from 'qr/decode.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DocumentServer, startDocumentServer } from '../fixtures/document-server';
import { faultsOf } from './harness/audit';
import { launchBrowser, type TestBrowser } from './harness/browser';
import { type Gate, startGate } from './harness/gate';
import { callTool } from './harness/oauth';
import { press, sees, typeName } from './harness/person';

/* Devices, jobs and services, by a client that knows nothing of the gate but its metadata, and a person. */

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const insecure = { [oauth.allowInsecureRequests]: true };
const TV: oauth.Client = { client_id: 'tv' };
const NIGHTLY: oauth.Client = { client_id: 'nightly' };
const nightlySecret = oauth.ClientSecretBasic('a secret of the nightly job');

let documents: DocumentServer;
let gate: Gate;
let browser: TestBrowser;
let as: oauth.AuthorizationServer;
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let vars: Record<string, unknown>;

beforeAll(async () => {
  [documents, browser, keys] = await Promise.all([
    startDocumentServer(),
    launchBrowser(),
    generateKeyPair('RS256', { extractable: true }),
  ]);
  const issuer = documents.origin;
  documents.serve('/.well-known/openid-configuration', { issuer, jwks_uri: `${issuer}/keys` });
  documents.serve('/keys', { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'one' }] });
  const rules = [{ claims: [{ claim: 'repository', eq: 'acme/app' }], role: 'member' }];
  vars = {
    TRUSTED_ISSUERS: [{ name: 'jobs', title: 'Acme jobs', issuer, rules }],
    CLIENTS: [
      { client_id: 'tv', name: 'Television', grant_types: [DEVICE_CODE, 'refresh_token'] },
      {
        client_id: 'nightly',
        name: 'Nightly job',
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials', DEVICE_CODE, 'refresh_token'],
        role: 'viewer',
      },
    ],
    CLIENT_NIGHTLY_SECRET: 'a secret of the nightly job',
  };
  gate = await startGate({ vars, env: { NODE_EXTRA_CA_CERTS: documents.caFile } });
  const url = new URL(gate.origin);
  const found = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...insecure });
  as = await oauth.processDiscoveryResponse(url, found);
});
afterAll(async () => {
  await Promise.all([gate?.stop(), documents?.stop(), browser?.close()]);
});

async function begin(client = TV, auth: oauth.ClientAuth = oauth.None()) {
  const answer = await oauth.deviceAuthorizationRequest(as, client, auth, new URLSearchParams(), insecure);
  return oauth.processDeviceAuthorizationResponse(as, client, answer);
}

async function poll(device_code: string, client = TV, auth: oauth.ClientAuth = oauth.None()) {
  const answer = await oauth.deviceCodeGrantRequest(as, client, auth, device_code, insecure);
  return oauth.processDeviceCodeResponse(as, client, answer);
}

const errorOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'tokens',
    (error) => (error as oauth.ResponseBodyError).error,
  );

async function whoami(access_token: string): Promise<Record<string, unknown>> {
  return (await callTool(`${gate.origin}/mcp`, access_token, 'whoami')).structuredContent as Record<
    string,
    unknown
  >;
}

async function signedIn(address: string, name: string): Promise<Page> {
  const page = await browser.newPage({ phone: true });
  await page.goto(address);
  await typeName(page, { name });
  return page;
}

test('a person types the code of a device, compares it and allows; the device refreshes and signs out', async () => {
  const client = NIGHTLY;
  const device = await begin(client, nightlySecret);
  expect(await errorOf(poll(device.device_code, client, nightlySecret))).toBe('authorization_pending');
  expect(await errorOf(poll(device.device_code, client, nightlySecret))).toBe('slow_down');

  const page = await signedIn(device.verification_uri, 'Ada');
  await sees(page, 'Connect a device');
  expect(await faultsOf(page)).toEqual([]);
  await page.getByLabel('Code', { exact: true }).fill('bcdf ghjk');
  await press(page, 'Continue');
  expect(await page.getByRole('alert').innerText()).toContain('This code isn’t valid');
  await page.getByLabel('Code', { exact: true }).fill(device.user_code.toLowerCase());
  await press(page, 'Continue');
  await sees(page, 'Nightly job wants to use');
  expect(await page.getByText(device.user_code, { exact: true }).isVisible()).toBe(true);
  expect(await faultsOf(page)).toEqual([]);
  await press(page, 'Allow');
  await sees(page, 'Your device is connected');
  expect(await faultsOf(page)).toEqual([]);

  const tokens = await poll(device.device_code, client, nightlySecret);
  expect(await whoami(tokens.access_token)).toMatchObject({ user: { name: 'Ada' }, client: 'Nightly job' });
  const refreshing = await oauth.refreshTokenGrantRequest(
    as,
    client,
    nightlySecret,
    tokens.refresh_token ?? '',
    insecure,
  );
  const next = await oauth.processRefreshTokenResponse(as, client, refreshing);
  const introspect = async (token: string) =>
    oauth.processIntrospectionResponse(
      as,
      client,
      await oauth.introspectionRequest(as, client, nightlySecret, token, insecure),
    );
  expect(await introspect(next.access_token)).toMatchObject({ active: true, client_id: 'nightly' });
  const revoking = await oauth.revocationRequest(
    as,
    client,
    nightlySecret,
    next.refresh_token ?? '',
    insecure,
  );
  await oauth.processRevocationResponse(revoking);
  expect(await introspect(next.access_token)).toEqual({ active: false });
});

test('the link of a device only shows its code, and its QR code leads a phone to the same', async () => {
  const device = await begin();
  const page = await signedIn(device.verification_uri_complete ?? '', 'Grace');
  await sees(page, 'Does your device show this code?');
  expect(await page.getByLabel('Code', { exact: true }).inputValue()).toBe(device.user_code);
  expect(await errorOf(poll(device.device_code))).toBe('authorization_pending');
  await page.getByText('Continue on your phone').click();
  expect(await faultsOf(page)).toEqual([]);

  const scanned = await scan(page);
  expect(scanned).toBe(device.verification_uri_complete);
  const phone = await signedIn(scanned, 'Grace');
  await press(phone, 'Continue');
  await sees(phone, 'Television wants to use');
  await press(phone, 'Cancel');
  await sees(phone, 'Your device wasn’t connected');
  expect(await errorOf(poll(device.device_code))).toBe('access_denied');
  await press(page, 'Continue');
  await sees(page, 'You’ve already answered this');
});

test('a job exchanges its token for access, once, and narrows what a device has', async () => {
  const token = await new SignJWT({ repository: 'acme/app', jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'RS256', kid: 'one', typ: 'JWT' })
    .setIssuer(documents.origin)
    .setSubject('repo:acme/app:ref:refs/heads/main')
    .setAudience(gate.origin)
    .setIssuedAt()
    .setExpirationTime('15m')
    .sign(keys.privateKey);
  const exchange = (subject_token: string, type: string, client: oauth.Client, auth: oauth.ClientAuth) =>
    oauth.genericTokenEndpointRequest(
      as,
      client,
      auth,
      'urn:ietf:params:oauth:grant-type:token-exchange',
      { subject_token, subject_token_type: `urn:ietf:params:oauth:token-type:${type}`, scope: 'mcp:read' },
      insecure,
    );
  const anybody: oauth.Client = { client_id: 'nobody' };
  const nobody: oauth.ClientAuth = () => undefined;
  const job = await oauth.processGenericTokenEndpointResponse(
    as,
    anybody,
    await exchange(token, 'jwt', anybody, nobody),
  );
  expect(await whoami(job.access_token)).toMatchObject({
    client: 'Acme jobs',
    role: 'member',
    scope: 'mcp:read',
  });
  expect((await exchange(token, 'jwt', anybody, nobody)).status).toBe(400);

  const granted = await oauth.clientCredentialsGrantRequest(as, NIGHTLY, nightlySecret, {}, insecure);
  const service = await oauth.processClientCredentialsResponse(as, NIGHTLY, granted);
  const narrowed = await oauth.processGenericTokenEndpointResponse(
    as,
    NIGHTLY,
    await exchange(service.access_token, 'access_token', NIGHTLY, nightlySecret),
  );
  expect(await whoami(narrowed.access_token)).toMatchObject({
    user: { name: 'Nightly job' },
    scope: 'mcp:read',
  });
});

test('a device that nobody answers gets expired_token, and so does the person who is late', async () => {
  const come = async ({ verification_uri_complete }: Awaited<ReturnType<typeof begin>>) => {
    const page = await signedIn(verification_uri_complete ?? '', 'Late');
    await press(page, 'Continue');
    await sees(page, 'Television wants to use');
    return page;
  };
  // As long as the way to the page takes on this machine, several times over.
  const set = Date.now();
  await come(await begin());
  const flow = Math.ceil(((Date.now() - set) / 1000) * 3) + 3;
  await gate.restart({ vars: { ...vars, TOKENS: { flow } } });
  const device = await begin();
  expect(device.expires_in).toBe(flow);
  const began = Date.now();
  const page = await come(device);
  await page.waitForTimeout(began + (flow + 1) * 1000 - Date.now());
  expect(await errorOf(poll(device.device_code))).toBe('expired_token');
  await press(page, 'Allow');
  await sees(page, 'This took too long');
});

/** Reads the page's QR code as a phone's camera would: from what is painted. */
async function scan(page: Page): Promise<string> {
  const png = (await page.locator('.qr').screenshot()).toString('base64');
  const painted = await page.evaluate<{ width: number; height: number; data: number[] }>(`(async () => {
    const image = new Image();
    image.src = 'data:image/png;base64,${png}';
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { width, height, data } = context.getImageData(0, 0, image.width, image.height);
    return { width, height, data: [...data] };
  })()`);
  return decodeQR({ ...painted, data: Uint8Array.from(painted.data) });
}
