import { describe, expect, test } from 'vitest';
import { Browser, gate, openAuthorization } from '../fixtures/worker';
import { MARKER } from './values';

const CALLBACK = 'https://app.example/callback';

type Outcome = '201' | '400 invalid_client_metadata' | '400 invalid_redirect_uri';

/** What no client should send as the value of a member: of another type, or text that is odd. */
const WRONG_TYPES: [string, unknown][] = [
  ['null', null],
  ['a number', 7],
  ['a large number', 1e308],
  ['true', true],
  ['an object', { a: 1 }],
  ['an array of null', [null]],
  ['an array of numbers', [1]],
  ['an array of objects', [{ toString: 'x' }]],
  ['an array of arrays', [[CALLBACK]]],
  ['500 arrays in one another', JSON.parse('['.repeat(500) + ']'.repeat(500))],
];
const ODD_TEXTS: [string, string][] = [
  ['empty', ''],
  ['spaces', '   '],
  ['markup', `"'><script>alert(1)</script>${MARKER}`],
  ['NUL', `a\0${MARKER}`],
  ['a newline', `a\r\nSet-Cookie: x=y\r\n${MARKER}`],
  ['an emoji', `🦊${MARKER}`],
  ['a lone surrogate', `\uD800${MARKER}`],
  ['a right-to-left override', `\u202E${MARKER}`],
  ['a script', `javascript:alert(1)//${MARKER}`],
  ['a path', `../../${MARKER}`],
  ['60 kB', 'x'.repeat(60_000)],
];

const METADATA = '400 invalid_client_metadata';
const REDIRECT = '400 invalid_redirect_uri';

/** What comes of each member when its type is wrong, and when it is a text that is odd. */
const MEMBERS: [name: string, wrongType: Outcome, oddText: Outcome][] = [
  ['client_name', METADATA, '201'],
  ['redirect_uris', REDIRECT, REDIRECT],
  ['grant_types', METADATA, METADATA],
  ['response_types', METADATA, METADATA],
  ['token_endpoint_auth_method', METADATA, METADATA],
  ['client_uri', METADATA, METADATA],
  ['logo_uri', METADATA, METADATA],
  ['policy_uri', METADATA, METADATA],
  ['tos_uri', METADATA, METADATA],
  ['jwks_uri', METADATA, METADATA],
  ['contacts', METADATA, METADATA],
  // What we don't read is ignored, as RFC 7591 section 2 has it.
  ['scope', '201', '201'],
  ['software_id', '201', '201'],
  ['software_statement', '201', '201'],
  ['client_secret', '201', '201'],
  ['unknown', '201', '201'],
  ['__proto__', '201', '201'],
  ['constructor', '201', '201'],
];

const EXCEPTIONS: Record<string, Outcome> = {
  'client_name: 60 kB': METADATA,
};

/** What counts as a member that isn't there, which only a redirect must not do without. */
const ABSENT = ['null', 'empty'];

/** Sends a body and says what came of it; fails for what must never be. */
async function send(
  body: BodyInit | undefined,
  contentType: string | null = 'application/json',
  more: Record<string, string> = {},
): Promise<{ outcome: string; answer: Record<string, unknown> }> {
  const headers = { ...(contentType === null ? {} : { 'content-type': contentType }), ...more };
  const response = await gate.fetch('/oauth/register', { method: 'POST', headers, ...(body && { body }) });
  expect(response.status).toBeLessThan(500);
  expect(response.headers.get('location')).toBeNull();
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  const text = await response.text();
  const answer = JSON.parse(text) as Record<string, unknown>;
  if (response.status === 201) return { outcome: '201', answer };
  expect(text).not.toContain(MARKER);
  expect(text.length).toBeLessThan(500);
  expect(Object.keys(answer).sort()).toEqual(['error', 'error_description']);
  return { outcome: `${response.status} ${answer.error}`, answer };
}

/** A registration that is right but for one member, written as text so that any name can stand there. */
function withMember(name: string, json: string): string {
  const right = { redirect_uris: [CALLBACK], token_endpoint_auth_method: 'none' };
  const members = Object.entries(right)
    .filter(([key]) => key !== name)
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return `{${[...members, json].filter(Boolean).join(',')}}`;
}

describe.each(MEMBERS)('%s of a registration', (name, wrongType, oddText) => {
  test.each([
    ...WRONG_TYPES.map(([what, value]) => [what, value, wrongType] as const),
    ...ODD_TEXTS.map(([what, value]) => [what, value, oddText] as const),
  ])('%s', async (what, value, outcome) => {
    const sent = withMember(name, `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    const got = await send(sent);
    const isAbsent = ABSENT.includes(what);
    const expected = isAbsent ? (name === 'redirect_uris' ? REDIRECT : '201') : outcome;
    expect(got.outcome).toBe(EXCEPTIONS[`${name}: ${what}`] ?? expected);
    if (got.outcome !== '201') return;
    expect(got.answer.redirect_uris).toEqual([CALLBACK]);
    // Without a method a client gets a secret (RFC 7591 section 2).
    const getsSecret = isAbsent && name === 'token_endpoint_auth_method';
    expect('client_secret' in got.answer).toBe(getsSecret);
    const client = { client_id: String(got.answer.client_id), redirect_uri: CALLBACK };
    const { page } = await openAuthorization(new Browser(), client, { code_challenge: 'x'.repeat(43) });
    expect(page.status).toBe(200);
    expect(page.html).not.toContain(MARKER);
    expect(page.html).not.toMatch(/<script|[\u202A-\u202E]/);
  });
});

test.each(MEMBERS)('%s of 9,000 objects in one another is no error of ours', async (name, wrongType) => {
  const deep = `${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`;
  // Beside a member like this the engine writes JSON level by level, and runs out of stack.
  const members = `"list":{"0":1},${JSON.stringify(name)}:${deep}`;
  expect((await send(withMember(name, members))).outcome).toBe(wrongType);
});

describe('a member that is missing or there twice', () => {
  test.each([
    ['no name', withMember('client_name', ''), '201'],
    ['no redirect', withMember('redirect_uris', ''), REDIRECT],
    ['no method, which means a secret', withMember('token_endpoint_auth_method', ''), '201'],
    ['a name twice', withMember('x', '"client_name":"A","client_name":"B"'), '201'],
    [
      'redirects twice, the last one elsewhere',
      withMember('x', '"redirect_uris":["http://evil.example/"]'),
      REDIRECT,
    ],
    ['a redirect twice', withMember('redirect_uris', `"redirect_uris":["${CALLBACK}","${CALLBACK}"]`), '201'],
    ['redirects in an own prototype', '{"__proto__":{"redirect_uris":["https://app.example/"]}}', REDIRECT],
    ['members with brackets', '{"redirect_uris[]":"https://app.example/"}', REDIRECT],
  ])('%s', async (_what, body, outcome) => {
    expect((await send(body)).outcome).toBe(outcome);
  });
});

describe('a list at our limit and one beyond', () => {
  const list = (name: string, values: string[]) => withMember(name, `"${name}":${JSON.stringify(values)}`);
  const uri = (length: number) => `https://app.example/${'x'.repeat(length - 20)}`;

  test.each([
    [
      '10 redirects',
      list(
        'redirect_uris',
        Array.from({ length: 10 }, (_, i) => `${CALLBACK}/${i}`),
      ),
      '201',
    ],
    [
      '11 redirects',
      list(
        'redirect_uris',
        Array.from({ length: 11 }, (_, i) => `${CALLBACK}/${i}`),
      ),
      REDIRECT,
    ],
    ['1,000 redirects', list('redirect_uris', Array(1000).fill(CALLBACK)), REDIRECT],
    ['a redirect of 2,000 characters', list('redirect_uris', [uri(2000)]), '201'],
    ['a redirect of 2,001 characters', list('redirect_uris', [uri(2001)]), REDIRECT],
    ['20 grant types', list('grant_types', [...Array(19).fill('x'), 'authorization_code']), '201'],
    ['21 grant types', list('grant_types', [...Array(20).fill('x'), 'authorization_code']), METADATA],
    ['21 response types', list('response_types', Array(21).fill('code')), METADATA],
    ['a name of 200 characters', withMember('x', `"client_name":"${'x'.repeat(200)}"`), '201'],
    ['a name of 201 characters', withMember('x', `"client_name":"${'x'.repeat(201)}"`), METADATA],
  ])('%s', async (_what, body, outcome) => {
    expect((await send(body)).outcome).toBe(outcome);
  });
});

describe('a body that is not what it says', () => {
  const right = withMember('x', '');
  const padded = (bytes: number) => right.padEnd(bytes, ' ');

  test.each<[string, BodyInit | undefined, string | null, Outcome]>([
    ['64 kB', padded(65_536), 'application/json', '201'],
    ['64 kB and one', padded(65_537), 'application/json', METADATA],
    ['1 MB', padded(1_000_000), 'application/json', METADATA],
    ['a charset beside', right, 'application/json; charset=utf-8', '201'],
    ['a type in capitals', right, 'Application/JSON', '201'],
    ['JSON that says it is a form', right, 'application/x-www-form-urlencoded', METADATA],
    ['JSON that says it is text', right, 'text/plain', METADATA],
    ['JSON that says nothing', new TextEncoder().encode(right), null, METADATA],
    ['a type that only begins so', right, 'application/jsonx', METADATA],
    ['a form that says it is JSON', `redirect_uris=${CALLBACK}`, 'application/json', METADATA],
    ['a form', `redirect_uris=${CALLBACK}`, 'application/x-www-form-urlencoded', METADATA],
    ['multipart', '--x\r\n\r\n--x--', 'multipart/form-data; boundary=x', METADATA],
    ['nothing', undefined, 'application/json', METADATA],
    ['an empty text', '', 'application/json', METADATA],
    ['NUL', '\0', 'application/json', METADATA],
    ['gzip', new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), 'application/json', METADATA],
    ['bytes that are no UTF-8', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), 'application/json', METADATA],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), 'application/json', METADATA],
    ['half a JSON', '{"redirect_uris":["', 'application/json', METADATA],
    ['two JSONs', `${right}${right}`, 'application/json', METADATA],
    ['a comment', `/* x */${right}`, 'application/json', METADATA],
    ['an array', `[${right}]`, 'application/json', METADATA],
    ['null', 'null', 'application/json', METADATA],
    ['a number', '1', 'application/json', METADATA],
    ['a text', '"x"', 'application/json', METADATA],
    ['an empty object', '{}', 'application/json', REDIRECT],
    ['30,000 arrays in one another', '['.repeat(30_000) + ']'.repeat(30_000), 'application/json', METADATA],
    [
      '9,000 objects in one another',
      `${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`,
      'application/json',
      REDIRECT,
    ],
    [
      '5,000 members',
      `{${Array.from({ length: 5_000 }, (_, i) => `"a${i}":1`).join()}}`,
      'application/json',
      REDIRECT,
    ],
  ])('%s', async (_what, body, contentType, outcome) => {
    expect((await send(body, contentType)).outcome).toBe(outcome);
  });

  test('an encoding that it has not is no matter: nothing here unpacks', async () => {
    expect((await send(right, 'application/json', { 'content-encoding': 'gzip' })).outcome).toBe('201');
  });
});
