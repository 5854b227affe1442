import { describe, expect, test } from 'vitest';
import { connectTo, gateBefore, ORIGIN, plainServer } from '../fixtures/mcp-server';
import { Caller } from '../fixtures/mcp-server-caller';
import { callMcp } from '../fixtures/worker';

const behind = plainServer();
const at = gateBefore({
  notes: { behind, setting: { title: 'Notes' } },
  bare: { behind },
  payroll: { behind, setting: { title: 'Salaries', groups: ['staff'] } },
  scoped: {
    behind,
    setting: {
      auth: 'passthrough',
      authorization_servers: ['https://as.example'],
      scopes: 'files:read files:write',
    },
  },
  theirs: { behind, setting: { auth: 'passthrough', authorization_servers: ['https://as.example'] } },
});

const read = async (path: string) => {
  const response = await at.fetch(path, { headers: { origin: 'https://any.example' } });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
};

describe('the metadata of a server’s own resource', () => {
  test('describes that resource, character by character, and our authorization server', async () => {
    const { body, headers } = await read('/.well-known/oauth-protected-resource/mcp/notes');
    expect(body).toMatchObject({
      resource: `${ORIGIN}/mcp/notes`,
      resource_name: 'Notes',
      authorization_servers: [ORIGIN],
      scopes_supported: ['mcp:read', 'mcp:write'],
      bearer_methods_supported: ['header'],
    });
    expect(headers.get('access-control-allow-origin')).toBe('*');
  });

  test('names a server without a title as the gate', async () => {
    expect((await read('/.well-known/oauth-protected-resource/mcp/bare')).body.resource_name).toBe(
      'Gatehouse',
    );
  });

  test('says nothing of what a server is that is for some people only', async () => {
    const { body } = await read('/.well-known/oauth-protected-resource/mcp/payroll');
    expect(body.resource_name).toBe('Gatehouse');
    for (const path of [
      'oauth-protected-resource',
      'oauth-authorization-server',
      'oauth-protected-resource/mcp',
    ]) {
      expect(JSON.stringify((await read(`/.well-known/${path}`)).body)).not.toMatch(/payroll|Salaries/);
    }
  });

  test('names the issuer itself where our authorization server is asked for at that path', async () => {
    const { body } = await read('/.well-known/oauth-authorization-server/mcp/notes');
    expect(body).toMatchObject({ issuer: ORIGIN, token_endpoint: `${ORIGIN}/oauth/token` });
    expect(JSON.stringify(body)).not.toContain('notes');
  });

  test('of a server that others judge names them, and none of our scopes', async () => {
    const { body } = await read('/.well-known/oauth-protected-resource/mcp/theirs');
    expect(body).toMatchObject({
      resource: `${ORIGIN}/mcp/theirs`,
      authorization_servers: ['https://as.example'],
    });
    expect(body).not.toHaveProperty('scopes_supported');
  });

  test('of a server that others judge names its own scopes, and its challenge too', async () => {
    const { body } = await read('/.well-known/oauth-protected-resource/mcp/scoped');
    expect(body.scopes_supported).toEqual(['files:read', 'files:write']);
    const answer = await at.fetch('/mcp/scoped', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(answer.headers.get('www-authenticate')).toContain('scope="files:read files:write"');
  });

  test.each(['oauth-protected-resource', 'oauth-authorization-server'])(
    'is none for what is not there: %s',
    async (document) => {
      for (const name of ['nonsense', 'constructor', 'NOTES', 'notes/more']) {
        expect((await read(`/.well-known/${document}/mcp/${name}`)).status).toBe(404);
      }
    },
  );

  test('is as PUBLIC_URL says, whatever the host of the request', async () => {
    const elsewhere = gateBefore({ notes: { behind } }, { PUBLIC_URL: 'http://127.0.0.1:9000' });
    const response = await elsewhere.fetch('/.well-known/oauth-protected-resource/mcp/notes');
    expect(await response.json()).toMatchObject({
      resource: 'http://127.0.0.1:9000/mcp/notes',
      authorization_servers: ['http://127.0.0.1:9000'],
    });
  });
});

describe('a server that was added later', () => {
  test('is not part of what was granted before', async () => {
    const before = gateBefore({ notes: { behind } });
    const { tokens } = await connectTo(before, 'notes');
    const after = gateBefore({ notes: { behind }, fresh: { behind } });
    const { status } = await callMcp(tokens.access_token, { gate: after, path: '/mcp/fresh' });
    expect(status).toBe(401);
    expect((await new Caller({ gate: after, tokens }, 'notes').call('look')).status).toBe(200);
  });
});
