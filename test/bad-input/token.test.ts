import { beforeAll, describe, expect, test } from 'vitest';
import { type Authorized, authorize, connect, gate, redeem, refresh, revoke } from '../fixtures/worker';
import { type Confidential, registerConfidential } from '../oauth/clients/confidential';
import { casesFor, type Kind, MARKER, withOne } from './values';

/** Status, and the error's code when there is one. */
type Outcome = `${number}` | `${number} ${string}`;
type Row = [right: string, absent: Outcome, twice: Outcome, strange: Outcome];

const REQUEST = '400 invalid_request';
const GRANT = '400 invalid_grant';
const CLIENT = '401 invalid_client';

/** Sends a form as it stands, and says what came of it; fails for what must never be. */
async function send(path: string, body: string, headers: Record<string, string> = {}): Promise<Outcome> {
  const response = await gate.fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body,
  });
  expect(response.status).toBeLessThan(500);
  expect(response.headers.get('location')).toBeNull();
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  const text = await response.text();
  expect(text).not.toContain(MARKER);
  if (text === '') return `${response.status}`;
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  const answer = JSON.parse(text) as Record<string, unknown>;
  return typeof answer.error === 'string' ? `${response.status} ${answer.error}` : `${response.status}`;
}

/** What comes out otherwise, by parameter and case. */
const EXCEPTIONS: Record<string, Outcome> = { 'scope: spaces': '200' };

function expected(name: string, what: string, kind: Kind, [, absent, twice, strange]: Row): Outcome {
  const byKind = { absent, twice, strange, long: REQUEST } satisfies Record<Kind, Outcome>;
  return EXCEPTIONS[`${name}: ${what}`] ?? byKind[kind];
}

describe('a token request for a code', () => {
  const ROWS: Record<string, Row> = {
    grant_type: ['authorization_code', REQUEST, REQUEST, '400 unsupported_grant_type'],
    code: ['', REQUEST, REQUEST, GRANT],
    client_id: ['', CLIENT, REQUEST, CLIENT],
    // OAuth 2.1 has it no more; PKCE is what binds a code. Where it is there, it must be right.
    redirect_uri: ['', '200', REQUEST, GRANT],
    code_verifier: ['', REQUEST, REQUEST, GRANT],
    resource: ['http://localhost:8787/mcp', '200', REQUEST, '400 invalid_target'],
    scope: ['mcp:read', '200', REQUEST, '400 invalid_scope'],
    client_secret: ['x', '200', REQUEST, CLIENT],
    client_assertion: ['e30.e30.x', '200', REQUEST, REQUEST],
    client_assertion_type: ['x', '200', REQUEST, '200'],
    unknown: ['x', '200', REQUEST, '200'],
  };
  let shared: Authorized;
  beforeAll(async () => {
    shared = await authorize();
  });

  const right = ({ client, code, code_verifier }: Authorized): Record<string, string> => ({
    grant_type: 'authorization_code',
    code,
    code_verifier,
    ...client,
  });

  describe.each(Object.entries(ROWS))('%s', (name, row) => {
    test.each(casesFor(name, row[0] || 'right-value'))('%s', async (what, kind, text) => {
      const outcome = expected(name, what, kind, row);
      const { client, browser } = shared;
      const authorized = outcome === '200' ? await authorize({ client, browser }) : shared;
      const parameters = right(authorized);
      const value = encodeURIComponent(parameters[name] ?? row[0]);
      const sent = withOne(parameters, name, text.replaceAll('right-value', value));
      expect(await send('/oauth/token', sent)).toBe(outcome);
    });
  });

  test('spent none of it: the code that was sent with all of these still works', async () => {
    expect((await redeem(shared)).status).toBe(200);
  });
});

describe('a token request for a refresh', () => {
  const ROWS: Record<string, Row> = {
    refresh_token: ['', REQUEST, REQUEST, GRANT],
    client_id: ['', CLIENT, REQUEST, CLIENT],
    resource: ['http://localhost:8787/mcp', '200', REQUEST, '400 invalid_target'],
    scope: ['mcp:read', '200', REQUEST, '400 invalid_scope'],
  };
  let shared: Awaited<ReturnType<typeof connect>>;
  beforeAll(async () => {
    shared = await connect();
  });

  describe.each(Object.entries(ROWS))('%s', (name, row) => {
    test.each(casesFor(name, row[0] || 'right-value'))('%s', async (what, kind, text) => {
      const outcome = expected(name, what, kind, row);
      const { client, browser } = shared;
      const { tokens } = outcome === '200' ? await connect({ client, browser }) : shared;
      const parameters: Record<string, string> = {
        grant_type: 'refresh_token',
        client_id: client.client_id,
        refresh_token: tokens.refresh_token,
      };
      const value = encodeURIComponent(parameters[name] ?? row[0]);
      const sent = withOne(parameters, name, text.replaceAll('right-value', value));
      expect(await send('/oauth/token', sent)).toBe(outcome);
    });
  });

  test('spent none of it: the token that was sent with all of these still works', async () => {
    expect((await refresh(shared, shared.tokens.refresh_token)).status).toBe(200);
  });
});

describe('a revocation', () => {
  const ROWS: Record<string, Row> = {
    token: ['x', REQUEST, REQUEST, '200'],
    token_type_hint: ['access_token', '200', REQUEST, '200'],
    client_id: ['right-value', CLIENT, REQUEST, CLIENT],
  };
  let shared: Awaited<ReturnType<typeof connect>>;
  beforeAll(async () => {
    shared = await connect();
  });

  describe.each(Object.entries(ROWS))('%s', (name, row) => {
    test.each(casesFor(name, row[0]))('%s', async (what, kind, text) => {
      const { client_id } = shared.client;
      const sent = withOne({ client_id, token: 'x' }, name, text.replaceAll('right-value', client_id));
      expect(await send('/oauth/revoke', sent)).toBe(expected(name, what, kind, row));
    });
  });

  test('of anything else ended nothing', async () => {
    expect((await refresh(shared, shared.tokens.refresh_token)).status).toBe(200);
    expect((await revoke(shared, shared.tokens.refresh_token)).status).toBe(200);
  });
});

describe('an introspection', () => {
  const row: Row = ['x', REQUEST, REQUEST, '200'];
  let client: Confidential;
  beforeAll(async () => {
    client = await registerConfidential('client_secret_basic');
  });

  test.each(casesFor('token', 'x'))('of a token: %s', async (what, kind, text) => {
    const { headers } = client.credentials();
    expect(await send('/oauth/introspect', text, headers)).toBe(expected('token', what, kind, row));
  });
});
