import { beforeAll, describe, expect, test } from 'vitest';
import { Browser, type Client, linkOf, type Page, registerClient, textOf } from '../fixtures/worker';
import { casesFor, type Kind, MARKER, withOne } from './values';

const REDIRECT = 'https://app.example/callback';

/** What a request comes to: the sign-in of a new flow, a page with a link to the client's error, or another page. */
type Outcome = 'flow' | `error:${string}` | `page:${string}`;

const NO_CLIENT = 'page:The app didn’t identify itself';
const UNKNOWN_CLIENT = 'page:This app isn’t registered';
const NO_REDIRECT = 'page:The app didn’t say where to return';
const WRONG_REDIRECT = 'page:The return address doesn’t belong to this app';
const AMBIGUOUS = 'page:The app’s request is ambiguous';
const TOO_LONG = 'page:The app’s request is too long';

/** Each parameter: a right value, and what comes of it when it is absent, there twice, or strange. */
const PARAMETERS: Record<string, [right: string, absent: Outcome, twice: Outcome, strange: Outcome]> = {
  client_id: ['', NO_CLIENT, AMBIGUOUS, UNKNOWN_CLIENT],
  redirect_uri: [REDIRECT, NO_REDIRECT, AMBIGUOUS, WRONG_REDIRECT],
  response_type: [
    'code',
    'error:invalid_request',
    'error:invalid_request',
    'error:unsupported_response_type',
  ],
  code_challenge: ['x'.repeat(43), 'error:invalid_request', 'error:invalid_request', 'error:invalid_request'],
  code_challenge_method: ['S256', 'error:invalid_request', 'error:invalid_request', 'error:invalid_request'],
  state: ['a state', 'flow', 'error:invalid_request', 'flow'],
  scope: ['mcp:read', 'flow', 'error:invalid_request', 'error:invalid_scope'],
  resource: ['http://localhost:8787/mcp', 'flow', 'error:invalid_target', 'error:invalid_target'],
  response_mode: ['query', 'flow', 'error:invalid_request', 'error:invalid_request'],
  request: ['e30.e30.', 'flow', 'error:invalid_request', 'error:invalid_request'],
  request_uri: ['https://app.example/r', 'flow', 'error:invalid_request', 'error:invalid_request'],
  prompt: ['consent', 'flow', 'error:invalid_request', 'flow'],
  unknown: ['x', 'flow', 'error:invalid_request', 'flow'],
};

/** What comes out otherwise. */
const EXCEPTIONS: Record<string, Outcome> = {
  'client_id: an address elsewhere': 'page:We couldn’t verify this app',
  'scope: spaces': 'flow',
  // RFC 8707 lets a client name several resources.
  'resource: there twice': 'flow',
  'resource: there twice, once empty': 'flow',
};

let client: Client;
beforeAll(async () => {
  client = await registerClient({ redirect_uris: [REDIRECT] });
});

function usual(): Record<string, string> {
  const { request: _, request_uri: __, unknown: ___, ...asked } = PARAMETERS;
  const right = Object.entries(asked).map(([name, [value]]): [string, string] => [name, value]);
  return { ...Object.fromEntries(right), client_id: client.client_id };
}

/** What came of it. Fails for what must never be: an error of ours, a redirect elsewhere, the input in HTML. */
function outcomeOf(page: Page): Outcome {
  expect(page.status).toBeLessThan(500);
  expect(page.html).not.toContain(MARKER);
  expect(JSON.stringify([...page.headers])).not.toContain(MARKER);
  if (page.location !== undefined) {
    expect(page.status).toBe(303);
    expect(page.location).toMatch(/^\/authorize\?flow=[\w-]+$/);
    return 'flow';
  }
  expect(page.status).toBe(400);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  const title = /<h1>(.*?)<\/h1>/.exec(page.html)?.[1] ?? '';
  if (title !== 'The app’s request isn’t valid') return `page:${title}`;
  const link = linkOf(page) ?? '';
  const url = new URL(link);
  expect(link.startsWith(`${REDIRECT}?`)).toBe(true);
  expect([...url.searchParams.keys()].sort()).toEqual(
    ['error', 'error_description', 'iss', ...(url.searchParams.has('state') ? ['state'] : [])].sort(),
  );
  return `error:${url.searchParams.get('error')}`;
}

function expected(name: string, what: string, kind: Kind): Outcome {
  const [, absent, twice, strange] = PARAMETERS[name] ?? ['', 'flow', 'flow', 'flow'];
  const byKind = { absent, twice, strange, long: TOO_LONG } satisfies Record<Kind, Outcome>;
  return EXCEPTIONS[`${name}: ${what}`] ?? byKind[kind];
}

describe.each(Object.keys(PARAMETERS))('%s of an authorization request', (name) => {
  const right = PARAMETERS[name]?.[0] ?? '';

  test.each(casesFor(name, right || 'a-client'))('%s', async (what, kind, text) => {
    const sent = name === 'client_id' ? text.replaceAll('a-client', client.client_id) : text;
    const page = await new Browser().visit(`/authorize?${withOne(usual(), name, sent)}`);
    expect(outcomeOf(page)).toBe(expected(name, what, kind));
  });
});

describe('the size of a request', () => {
  test.each([
    ['at our limit', 16_384, 'flow'],
    ['one beyond', 16_385, TOO_LONG],
    ['far beyond', 200_000, TOO_LONG],
  ])('%s: %i characters', async (_what, length, outcome) => {
    const query = `?${withOne(usual(), 'state', 'state=')}`;
    const page = await new Browser().visit(`/authorize${query}${'s'.repeat(length - query.length)}`);
    expect(outcomeOf(page)).toBe(outcome);
  });

  test('is no matter of how many parameters there are', async () => {
    const many = Array.from({ length: 1500 }, (_, index) => `x${index}=`).join('&');
    const page = await new Browser().visit(`/authorize?${withOne(usual(), 'state', many)}`);
    expect(outcomeOf(page)).toBe('flow');
  });
});

describe('nothing at all', () => {
  test.each([
    ['no query', ''],
    ['an empty query', '?'],
    ['only separators', '?&&&=&='],
    ['a query that is none', '?%zz%00%FF'],
    ['a fragment’s worth', '?#client_id=x'],
  ])('%s', async (_what, query) => {
    expect(outcomeOf(await new Browser().visit(`/authorize${query}`))).toBe(NO_CLIENT);
  });
});

test('a state of a thousand odd characters is never in a page', async () => {
  const state = `${MARKER}<script>"'&`.repeat(100);
  const browser = new Browser();
  const opened = await browser.visit(
    `/authorize?${withOne(usual(), 'state', `state=${encodeURIComponent(state)}`)}`,
  );
  expect(outcomeOf(opened)).toBe('flow');
  const page = await browser.visit(opened.location ?? '');
  expect(textOf(page.html)).toContain('is waiting for you to sign in');
  expect(page.html).not.toContain(MARKER);
});
