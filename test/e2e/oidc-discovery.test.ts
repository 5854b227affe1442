import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { beginOidc, finishOidc } from '../../src/sign-in/oidc';
import { signInAtProvider } from '../fixtures/oidc-browser';
import { type RunningOidcProvider, startOidcProvider } from '../fixtures/oidc-provider';
import { oidcSettings } from '../fixtures/oidc-settings';

const REDIRECT_URI = 'http://localhost:8787/sign-in/callback';
const running: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

async function start(): Promise<RunningOidcProvider> {
  return startOidcProvider({ redirect_uris: [REDIRECT_URI] });
}

async function begin(issuer: string) {
  return beginOidc(oidcSettings(issuer), REDIRECT_URI, 'flow-1', { local: true });
}

/** A server that is not an OIDC provider. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  running.push({
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serveMetadata(changes: Record<string, unknown> = {}): Promise<string> {
  const issuer = await serve((_request, response) => {
    const endpoints = {
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
    };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ ...endpoints, ...changes }));
  });
  return issuer;
}

describe('a provider that is not what the settings say', () => {
  test('nothing listens there', async () => {
    const op = await start();
    await op.stop();
    expect(await begin(op.issuer)).toMatchObject({ ok: false, error: { reason: 'oidc_unreachable' } });
  });

  test('it went away while the person was there', async () => {
    const op = await start();
    const begun = await begin(op.issuer);
    if (!begun.ok) throw new Error(begun.error.reason);
    const { url, transaction } = begun.value;
    const answer = await signInAtProvider(url);
    await op.stop();
    const provider = oidcSettings(op.issuer);
    const at = { provider, clientSecret: op.client_secret, redirectUri: REDIRECT_URI, local: true };
    expect(await finishOidc({ ...at, transaction, answer })).toMatchObject({
      ok: false,
      error: { reason: 'oidc_unreachable' },
    });
  });

  test('its discovery redirects: not followed, even to a real provider', async () => {
    const op = await start();
    running.push(op);
    const issuer = await serve((request, response) => {
      response.writeHead(302, { location: `${op.issuer}${request.url}` }).end();
    });
    expect(await begin(issuer)).toMatchObject({ ok: false, error: { reason: 'oidc_redirected' } });
  });

  test("its document names another issuer: another provider's document is not taken for its own", async () => {
    const issuer = await serveMetadata({ issuer: 'https://somebody-else.example' });
    expect(await begin(issuer)).toMatchObject({ ok: false, error: { reason: 'oidc_issuer_mismatch' } });
  });

  test.each([
    ['no token endpoint', { token_endpoint: undefined }],
    ['a script as authorization endpoint', { authorization_endpoint: 'javascript:alert(1)' }],
    ['plain http off loopback', { token_endpoint: 'http://provider.example/token' }],
    ['an issuer that is no URL', { issuer: 'somebody' }],
  ])('its document has %s', async (_what, changes) => {
    const issuer = await serveMetadata(changes);
    expect(await begin(issuer)).toMatchObject({ ok: false, error: { reason: 'oidc_metadata_invalid' } });
  });

  test.each([
    [404, 'oidc_metadata_invalid'],
    [200, 'oidc_metadata_invalid'],
    [503, 'oidc_unreachable'],
  ])('it answers %i with a page: %s', async (status, reason) => {
    const issuer = await serve((_request, response) => {
      response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>Hello</h1>');
    });
    expect(await begin(issuer)).toMatchObject({ ok: false, error: { reason } });
  });

  test('a failure is not remembered: once the provider is well, the next sign-in works', async () => {
    let well = false;
    const issuer = await serve((_request, response) => {
      if (!well) return response.writeHead(503).end();
      const endpoints = {
        authorization_endpoint: `${issuer}/a`,
        token_endpoint: `${issuer}/t`,
        jwks_uri: `${issuer}/j`,
      };
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ issuer, ...endpoints }));
      return response;
    });
    expect(await begin(issuer)).toMatchObject({ ok: false });
    well = true;
    expect(await begin(issuer)).toMatchObject({ ok: true });
  });

  test('its document is compressed, as most are: read all the same', async () => {
    const issuer = await serve((_request, response) => {
      const endpoints = {
        authorization_endpoint: `${issuer}/a`,
        token_endpoint: `${issuer}/t`,
        jwks_uri: `${issuer}/j`,
      };
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync(JSON.stringify({ issuer, ...endpoints })));
    });
    expect(await begin(issuer)).toMatchObject({ ok: true });
  });
});
