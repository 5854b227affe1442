import { beforeAll, describe, expect, test } from 'vitest';
import { type Authorized, authorize, Browser, connect, formWith, gate, redeem } from '../fixtures/worker';
import { openConsent, openFlow, type Waiting } from '../oauth/pages';
import { MARKER, VALUES } from './values';

const FORM = 'application/x-www-form-urlencoded';

/** Bodies that are not the form that an endpoint asks for; `right` is one that is. */
function bodies(right: string): [what: string, body: BodyInit | undefined, contentType: string | null][] {
  const json = JSON.stringify(Object.fromEntries(new URLSearchParams(right)));
  return [
    ['nothing', undefined, null],
    ['nothing that says it is a form', undefined, FORM],
    ['an empty form', '', FORM],
    ['a form that says nothing', new TextEncoder().encode(right), null],
    ['a form that says it is text', right, 'text/plain'],
    ['a form that says it is JSON', right, 'application/json'],
    ['a type that only begins so', right, `${FORM}x`],
    ['JSON', json, 'application/json'],
    ['JSON that says it is a form', json, FORM],
    ['an array that says it is a form', '[]', FORM],
    [
      'multipart',
      `--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n${MARKER}\r\n--x--`,
      'multipart/form-data; boundary=x',
    ],
    ['multipart that says it is a form', `--x\r\n\r\n${MARKER}\r\n--x--`, FORM],
    ['XML', `<?xml version="1.0"?><x>${MARKER}</x>`, 'application/xml'],
    ['gzip that says it is a form', new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), FORM],
    ['bytes that are no UTF-8', new Uint8Array([0x61, 0x3d, 0xff, 0xfe]), FORM],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x61, 0, 0x3d, 0]), FORM],
    ['NUL', '\0', FORM],
    ['only separators', '&&&=&=', FORM],
    ['names of every object', '__proto__=x&constructor=x&toString=x', FORM],
    ['64 kB of one name', 'x'.repeat(65_536), FORM],
    ['64 kB and one', `${right}&x=`.padEnd(65_537, 'x'), FORM],
    ['1 MB', `${right}&x=`.padEnd(1_000_000, 'x'), FORM],
    ['20,000 names', Array.from({ length: 8_000 }, (_, index) => `x${index}=`).join('&'), FORM],
  ];
}

describe.each([
  ['/oauth/token', '400 invalid_request', '401 invalid_client'],
  ['/oauth/revoke', '400 invalid_request', '401 invalid_client'],
  ['/oauth/introspect', '400 invalid_request', '401 invalid_client'],
])('%s', (path, unreadable, nothingInIt) => {
  let authorized: Authorized;
  beforeAll(async () => {
    authorized = await authorize();
  });
  /** These can be read as a form, in which nothing is that we know. */
  const READABLE = [
    'nothing that says it is a form',
    'an empty form',
    'JSON that says it is a form',
    'an array that says it is a form',
    'multipart that says it is a form',
    'NUL',
    'names of every object',
    '64 kB of one name',
    '20,000 names',
  ];

  test.each(bodies('grant_type=authorization_code&token=x'))('%s', async (what, body, contentType) => {
    const { client, code, code_verifier } = authorized;
    const credentials = new URLSearchParams({ ...client, code, code_verifier }).toString();
    const whole = typeof body === 'string' && body.startsWith('grant_type') ? `${credentials}&${body}` : body;
    const headers = contentType === null ? {} : { 'content-type': contentType };
    const response = await gate.fetch(path, { method: 'POST', headers, ...(whole && { body: whole }) });
    const text = await response.text();
    const answer = JSON.parse(text) as Record<string, string>;
    const outcome = READABLE.includes(what) ? nothingInIt : unreadable;
    expect(`${response.status} ${answer.error}`).toBe(outcome);
    expect(response.headers.get('location')).toBeNull();
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(text).not.toContain(MARKER);
  });

  test('spent nothing', async () => {
    expect((await redeem(authorized)).status).toBe(200);
  });
});

test('a form of 64 kB is read, with a charset and in any case', async () => {
  for (const contentType of [FORM, `${FORM}; charset=UTF-8`, 'Application/X-WWW-Form-Urlencoded']) {
    const { client, code, code_verifier } = await authorize();
    const grant = { grant_type: 'authorization_code', code, code_verifier, ...client };
    const body = `${new URLSearchParams(grant)}&x=`.padEnd(65_536, 'x');
    const headers = { 'content-type': contentType };
    expect((await gate.fetch('/oauth/token', { method: 'POST', headers, body })).status).toBe(200);
  }
});

describe('the forms of the pages', () => {
  let signIn: Waiting;
  let consent: Waiting;
  beforeAll(async () => {
    signIn = await openFlow();
    consent = await openConsent();
  });

  /** What a page's form gets; fails for what must never be. */
  async function post(
    { browser }: Waiting,
    action: string,
    body: BodyInit | undefined,
    contentType: string | null,
  ): Promise<number> {
    const headers = {
      origin: gate.origin,
      ...(contentType === null ? {} : { 'content-type': contentType }),
    };
    const page = await browser.visit(action, { method: 'POST', headers, ...(body && { body }) });
    expect(page.status).toBeLessThan(500);
    expect(page.location).toBeUndefined();
    expect(page.html).not.toContain(MARKER);
    expect(page.html).not.toContain('<script');
    return page.status;
  }

  test.each(bodies('decision=allow&scope=mcp:read'))('consent: %s', async (_what, body, contentType) => {
    expect([400, 403]).toContain(await post(consent, consent.url, body, contentType));
  });

  test.each(bodies('method=local&name=Eve'))('sign-in: %s', async (_what, body, contentType) => {
    const { action } = formWith(signIn.page, 'method');
    expect([400, 403]).toContain(await post(signIn, action, body, contentType));
  });

  /** With the right token, each field is odd in turn. */
  const odd = (csrf: string, right: Record<string, string>, name: string, encoded: string) =>
    `${new URLSearchParams({ csrf, ...right, [name]: '' })}`.replace(`${name}=`, `${name}=${encoded}`);

  describe.each(['csrf', 'decision', 'scope', 'expires'])('consent with an odd %s', (name) => {
    test.each(VALUES)('%s', async (what, encoded) => {
      const { csrf = '' } = formWith(consent.page, 'decision').hidden;
      const right = { scope: 'mcp:read', expires: '', decision: 'allow' };
      const body = odd(csrf, right, name, encoded);
      expect(await post(consent, consent.url, body, FORM), what).toBe(name === 'csrf' ? 403 : 400);
    });
  });

  describe.each(['csrf', 'method'])('sign-in with an odd %s', (name) => {
    test.each(VALUES)('%s', async (what, encoded) => {
      const { action, hidden } = formWith(signIn.page, 'method');
      const body = odd(hidden.csrf ?? '', { method: 'local', name: 'Eve' }, name, encoded);
      expect(await post(signIn, action, body, FORM), what).toBe(name === 'csrf' ? 403 : 400);
    });
  });

  test('nothing of all that answered the consent, or signed anybody in', async () => {
    const page = await consent.browser.submit(formWith(consent.page, 'decision'), {
      scope: 'mcp:read',
      decision: 'allow',
    });
    expect(page.status).toBe(303);
    expect((await signIn.browser.visit('/sign-in')).status).toBe(303);
  });
});

describe('a method that is not allowed', () => {
  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'];
  const ALLOWED: Record<string, string[]> = {
    '/oauth/token': ['POST'],
    '/oauth/register': ['POST'],
    '/oauth/revoke': ['POST'],
    '/oauth/introspect': ['POST'],
    '/authorize': ['GET', 'HEAD', 'POST'],
    '/sign-in': ['GET', 'HEAD', 'POST'],
    '/sign-out': ['GET', 'HEAD', 'POST'],
    '/sign-in/callback': ['GET', 'HEAD', 'POST'],
    '/health': ['GET', 'HEAD'],
    '/.well-known/oauth-authorization-server': ['GET', 'HEAD'],
    '/.well-known/oauth-protected-resource/mcp': ['GET', 'HEAD'],
  };
  const cases = Object.entries(ALLOWED).flatMap(([path, allowed]) =>
    METHODS.filter((method) => !allowed.includes(method)).map((method) => [method, path] as const),
  );

  test.each(cases)('%s %s', async (method, path) => {
    const response = await gate.fetch(path, { method });
    expect(response.status).toBe(path.startsWith('/oauth/') ? 405 : 404);
    expect(response.headers.get('location')).toBeNull();
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  test.each(['PUT', 'PATCH', 'PROPFIND'])('%s of the MCP endpoint, with a token', async (method) => {
    const { access_token } = (await connect()).tokens;
    const headers = { authorization: `Bearer ${access_token}` };
    expect((await gate.fetch('/mcp', { method, headers })).status).toBe(405);
  });
});

describe('a path that is odd', () => {
  test.each([
    '//evil.example',
    '/%2F%2Fevil.example',
    '/\\evil.example',
    '/%5Cevil.example',
    '/%00',
    '/%zz',
    '/%FF%FE',
    '/authorize%00',
    '/oauth/token%2F..%2Fregister',
    '/oauth/tokens',
    '/oauth/unregister',
    '/.well-known/..%2f..%2fsecret',
    '/mcp/%3Cscript%3Ealert(1)%3C/script%3E',
    `/${'a'.repeat(8000)}`,
  ])('%s leads nowhere', async (path) => {
    const page = await new Browser({
      ...gate,
      fetch: (sent, init) => gate.fetch(`http://localhost:8787${sent}`, init),
    }).visit(path);
    expect([page.status, page.location]).toEqual([404, undefined]);
    expect(page.html).not.toContain('<script');
  });
});
