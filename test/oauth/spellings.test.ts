import { describe, expect, test } from 'vitest';
import {
  authorize,
  callMcp,
  connect,
  type Gate,
  gateWith,
  postForm,
  redeem,
  refresh,
  registerClient,
  tokensOf,
} from '../fixtures/worker';
import { TOKEN_EXCHANGE, TYPE } from './token/issuers';

/* One resource, one issuer and one origin have several spellings; the gate goes by what they mean. */

const HERE = gateWith({}, 'http://localhost:8787');
/** Its port is the scheme's own, so that it may be named or not. */
const PLAIN = gateWith({}, 'http://localhost');

/** A gate, and what its client calls `/mcp` there. */
const SAME: [Gate, string][] = [
  [HERE, 'HTTP://localhost:8787/mcp'],
  [HERE, 'http://LOCALHOST:8787/mcp'],
  [HERE, 'http://localhost:8787'],
  [HERE, 'http://localhost:8787/'],
  [HERE, 'HTTP://LocalHost:8787/'],
  [PLAIN, 'http://localhost:80/mcp'],
  [PLAIN, 'HTTP://LOCALHOST:80'],
  [PLAIN, 'http://localhost:80/'],
];
const OTHERS = [
  'http://localhost:8788/mcp',
  'https://localhost:8787/mcp',
  'http://127.0.0.1:8787/mcp',
  'http://localhost.evil.example:8787/mcp',
  'http://localhost:8787@evil.example/mcp',
  'http://x@localhost:8787/mcp',
  'http://localhost:8787/MCP',
  'http://localhost:8787/mcp#x',
  'http://localhost:8787/%6dcp',
];

describe.each(SAME)('a resource of $origin as %s', (at, resource) => {
  test('is one that can be asked for, and its token works at /mcp', async () => {
    const app = await connect({ gate: at, request: { resource } });
    expect((await callMcp(app.tokens.access_token, { gate: at })).status).toBe(200);
  });

  test('is the grant’s when its code is redeemed and its token refreshed', async () => {
    const authorized = await authorize({ gate: at, request: { resource } });
    const tokens = tokensOf(await redeem(authorized, { resource }));
    expect((await refresh(authorized, tokens.refresh_token, { resource })).status).toBe(200);
  });

  test('is the subject token’s own in an exchange', async () => {
    const { tokens, client } = await connect({ gate: at });
    const form = {
      grant_type: TOKEN_EXCHANGE,
      client_id: client.client_id,
      subject_token: tokens.access_token,
      subject_token_type: `${TYPE}access_token`,
    };
    for (const name of ['resource', 'audience'])
      expect((await postForm('/oauth/token', { ...form, [name]: resource }, at)).status).toBe(200);
  });

  test('is one that a device can ask for', async () => {
    const grant_types = ['urn:ietf:params:oauth:grant-type:device_code'];
    const { client_id } = await registerClient({ grant_types, redirect_uris: [] }, at);
    expect((await postForm('/oauth/device_authorization', { client_id, resource }, at)).status).toBe(200);
  });
});

test.each(OTHERS)('another resource is another one, however it looks: %s', async (resource) => {
  const grant_types = ['urn:ietf:params:oauth:grant-type:device_code'];
  const { client_id } = await registerClient({ grant_types, redirect_uris: [] });
  const asked = await postForm('/oauth/device_authorization', { client_id, resource });
  expect([asked.status, asked.body.error]).toEqual([400, 'invalid_target']);
  const authorized = await authorize();
  expect((await redeem(authorized, { resource })).body.error).toBe('invalid_target');
});

describe('an origin of the settings that is spelled otherwise', () => {
  test.each(['HTTPS://Gate.Example', 'https://gate.example:443/', 'https://GATE.example/'])(
    'PUBLIC_URL = %s: every document names the canonical one',
    async (PUBLIC_URL) => {
      const at = gateWith({ PUBLIC_URL, SIGN_IN: { methods: ['skip'] } });
      const metadata = await (await at.fetch('/.well-known/oauth-authorization-server')).json();
      expect(metadata).toMatchObject({ issuer: 'https://gate.example' });
      const resource = await (await at.fetch('/.well-known/oauth-protected-resource')).json();
      expect(resource).toMatchObject({ resource: 'https://gate.example' });
    },
  );

  test.each(['HTTPS://APP.example', 'https://app.example:443', 'https://app.example/'])(
    'ORIGINS = [%s]: the page there may call',
    async (spelled) => {
      const at = gateWith({ ORIGINS: [spelled] });
      const called = async (origin: string) =>
        (await at.fetch('/mcp', { method: 'POST', headers: { origin }, body: '{}' })).status;
      expect(await called('https://app.example')).not.toBe(403);
      expect(await called('https://app.example.evil.example')).toBe(403);
      expect(await called('http://app.example')).toBe(403);
      expect(await called('https://app.example:8443')).toBe(403);
    },
  );
});
