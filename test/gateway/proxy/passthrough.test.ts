import { beforeEach, describe, expect, test } from 'vitest';
import {
  type Behind,
  connectWith,
  gateBefore,
  messageOf,
  ORIGIN,
  plainServer,
  type Received,
  scripted,
} from '../../fixtures/mcp-server';
import { bodyOf, type Sent } from '../../fixtures/mcp-server-caller';
import { Browser, type Gate, linkOf, makePkce, registerClient, textOf } from '../../fixtures/worker';

const AS = ['https://as.example', 'https://as2.example/tenant'];
let answer: (request: Received) => Response | Promise<Response>;
let behind: Behind;
let other: Behind;
let at: Gate;

beforeEach(() => {
  answer = () => Response.json({ ok: true });
  behind = scripted((request) => answer(request));
  other = plainServer();
  at = placed({});
});

const SETTING = { auth: 'passthrough', title: 'Theirs' };
function placed(setting: object, variables: object = {}, origin = ORIGIN): Gate {
  const servers = {
    theirs: { behind, setting: { ...SETTING, authorization_servers: AS, ...setting } },
    ours: { behind: other },
  };
  return gateBefore(servers, { ...variables }, { origin });
}
const fixed = (setting: object = {}, origin = ORIGIN) =>
  gateBefore(
    { theirs: { behind, setting: { ...SETTING, ...setting } } },
    // A public host needs a way to sign in, though this server asks for none.
    {
      SERVER_THEIRS_SECRET: 'Key shared',
      SIGN_IN: { oidc: [{ name: 'acme', issuer: 'https://id.acme.example', client_id: 'gate' }] },
    },
    { origin },
  );

function post(headers: Record<string, string>, sent: Sent = {}, gate = at): Promise<Response> {
  return gate.fetch('/mcp/theirs', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: sent.body ?? bodyOf(sent),
  });
}

describe('a caller’s own credential', () => {
  test.each([
    'Bearer abc.def',
    'bearer  x',
    'Basic dXNlcjpwYXNz',
    'Digest username="a", realm="b"',
    'Token 7',
    'raw-key',
    'Bearer a:b:c',
  ])('goes through untouched, whatever its scheme: %s', async (authorization) => {
    expect((await post({ authorization })).status).toBe(200);
    expect(behind.received.at(-1)?.headers.get('authorization')).toBe(authorization);
    expect(other.received).toEqual([]);
  });

  test('goes through with the message as it was written, in any era, and no policy', async () => {
    const body = '{ "jsonrpc":"2.0", "id":1,"method":"tools/call", "params":{"name":"erase"} }\n';
    const text = '{"jsonrpc":"2.0", "id":1,"result":{"tools":[{"name":"erase"}],"cacheScope":"public"}}';
    answer = () => new Response(text, { headers: { 'content-type': 'application/json' } });
    const response = await post({ authorization: 'Bearer x', 'mcp-method': 'tools/call' }, { body });
    expect(behind.received.at(-1)?.text).toBe(body);
    expect(await response.text()).toBe(text);
  });

  test('is all that goes through of who is calling', async () => {
    await post({ authorization: 'Bearer x', cookie: 'a=b', 'x-user': 'root', 'gatehouse-identity': 'x' });
    for (const name of ['cookie', 'x-user', 'gatehouse-identity']) {
      expect(behind.received.at(-1)?.headers.has(name)).toBe(false);
    }
  });

  test('in the gate’s own format is refused: it must not reach a server', async () => {
    const { tokens, code } = await connectWith(at, `${ORIGIN}/mcp`, ['ours']);
    const mine = [tokens.access_token, tokens.refresh_token, code];
    for (const credential of mine) {
      for (const scheme of ['Bearer', 'bearer']) {
        const response = await post({ authorization: `${scheme} ${credential}` });
        expect(response.status).toBe(401);
        expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
      }
    }
    expect(behind.received).toEqual([]);
  });

  test('missing is 401 that names the metadata with that server’s own authorization server', async () => {
    const response = await post({});
    expect(response.status).toBe(401);
    const challenge = response.headers.get('www-authenticate') ?? '';
    const url = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '';
    expect(challenge).not.toContain('scope=');
    expect(behind.received).toEqual([]);
    expect(await (await at.fetch(url)).json()).toMatchObject({
      resource: `${ORIGIN}/mcp/theirs`,
      authorization_servers: AS,
      resource_name: 'Theirs',
    });
    const authorizationServer = '/.well-known/oauth-authorization-server/mcp/theirs';
    expect((await at.fetch(authorizationServer)).status).toBe(404);
  });

  test('comes back to the client as the server judged it, in words that the client can follow', async () => {
    answer = () =>
      new Response('no', {
        status: 401,
        headers: {
          'www-authenticate':
            'Bearer error="invalid_token", resource_metadata="https://behind.internal/.well-known/x", scope="a b"',
          'content-type': 'text/plain',
        },
      });
    const response = await post({ authorization: 'Bearer old' });
    expect([response.status, await response.text()]).toEqual([401, '']);
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer error="invalid_token", resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp/theirs", scope="a b"`,
    );
    answer = () => new Response(null, { status: 403, headers: { 'www-authenticate': 'Basic realm="x"' } });
    expect((await post({ authorization: 'Bearer old' })).headers.get('www-authenticate')).toBe(
      'Basic realm="x"',
    );
  });
});

test('sessions are the server’s own, both ways', async () => {
  answer = ({ headers }) =>
    Response.json({}, { headers: { 'mcp-session-id': headers.get('mcp-session-id') ?? 'new' } });
  const authorization = 'Bearer x';
  expect((await post({ authorization })).headers.get('mcp-session-id')).toBe('new');
  expect((await post({ authorization, 'mcp-session-id': 's1' })).headers.get('mcp-session-id')).toBe('s1');
  for (const method of ['GET', 'DELETE']) {
    const headers = { authorization, 'mcp-session-id': 's1' };
    expect((await at.fetch('/mcp/theirs', { method, headers })).status).toBe(200);
    expect(behind.received.at(-1)?.method).toBe(method);
  }
});

test.each<[string, () => Response | Promise<Response>, number]>([
  ['down', () => Promise.reject(new Error('10.0.0.7')), 502],
  ['redirecting', () => Response.redirect('http://169.254.169.254/', 302), 502],
])('a server that is %s is named by its title', async (_what, misbehave, status) => {
  answer = misbehave;
  const response = await post({ authorization: 'Bearer x' });
  const text = await response.text();
  expect(response.status).toBe(status);
  expect(text).toContain('“Theirs”');
  expect(text).not.toMatch(/10\.0\.0\.7|169\.254/);
});

test('a page from elsewhere may not call it', async () => {
  const response = await post({ authorization: 'Bearer x', origin: 'https://evil.example' });
  expect([response.status, behind.received.length]).toEqual([403, 0]);
});

test('such a server is no part of the gate’s own: not offered, not granted, no resource of ours', async () => {
  const browser = new Browser(at);
  const client = await registerClient({}, at);
  const { code_challenge } = await makePkce();
  const resource = `${ORIGIN}/mcp/theirs`;
  const request = {
    response_type: 'code',
    ...client,
    code_challenge,
    code_challenge_method: 'S256',
    resource,
  };
  const refused = await browser.visit(`/authorize?${new URLSearchParams(request)}`);
  expect(linkOf(refused)).toContain('error=invalid_target');
  const { tokens } = await connectWith(at, `${ORIGIN}/mcp`, ['theirs', 'ours']);
  const headers = {
    authorization: `Bearer ${tokens.access_token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const body = bodyOf({ method: 'tools/call', params: { name: 'whoami', arguments: {} } });
  const text = await (await at.fetch('/mcp', { method: 'POST', headers, body })).text();
  expect(text).toContain('ours');
  expect(text).not.toContain('theirs');
  const page = await browser.visit('/mcp/theirs');
  expect(textOf(page.html)).not.toContain('as.example');
});

describe('a server with one token for everybody', () => {
  test('gets it from callers that bring none, verbatim, in its own header', async () => {
    await post({}, {}, fixed());
    expect(behind.received.at(-1)?.headers.get('authorization')).toBe('Key shared');
    await post({}, {}, fixed({ header: 'X-Api-Key' }));
    expect(behind.received.at(-1)?.headers.get('x-api-key')).toBe('Key shared');
    expect(behind.received.at(-1)?.headers.has('authorization')).toBe(false);
  });

  test('gets the caller’s own instead where there is one', async () => {
    await post({ authorization: 'Bearer mine' }, {}, fixed());
    expect(behind.received.at(-1)?.headers.get('authorization')).toBe('Bearer mine');
  });

  test('has nothing to sign in to: no metadata, no challenge', async () => {
    const gate = fixed({ authorization_servers: AS });
    for (const document of ['oauth-protected-resource', 'oauth-authorization-server']) {
      expect((await gate.fetch(`/.well-known/${document}/mcp/theirs`)).status).toBe(404);
    }
    answer = () => new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer' } });
    const response = await post({}, {}, gate);
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, null]);
  });

  test('is open to the world only where the operator says so', async () => {
    const origin = 'https://gate.example';
    const closed = await post({}, {}, fixed({}, origin));
    expect([closed.status, behind.received.length]).toEqual([404, 0]);
    const forwarded = await post({ 'x-forwarded-for': '1.1.1.1' }, {}, fixed());
    expect([forwarded.status, behind.received.length]).toEqual([404, 0]);
    const open = await post({}, {}, fixed({ open_to_everyone: true }, origin));
    expect([open.status, behind.received.length]).toEqual([200, 1]);
    expect(messageOf(behind.received[0] ?? { text: '' }).method).toBe('ping');
  });
});
