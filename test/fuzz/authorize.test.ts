import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { casesOr, check, isEnough, timeFor } from '../fixtures/fuzz/settings';
import { soundPage } from '../fixtures/fuzz/soundness';
import { oddPairs, oddText } from '../fixtures/fuzz/unusual-values';
import { Browser, type Client, gate, registerClient } from '../fixtures/worker';

/* `/authorize` and the pages behind it, with whatever parameters. */

const CASES = casesOr(100);
const REDIRECT = 'https://app.example/callback';
/** Every address that the client has. */
const ALLOWED = [REDIRECT, 'http://127.0.0.1:9999/callback'];

let client: Client;
beforeAll(async () => {
  client = await registerClient({ redirect_uris: ALLOWED, client_name: '"><zq onload=x' });
});

const right = () => ({
  client_id: client.client_id,
  redirect_uri: REDIRECT,
  response_type: 'code',
  code_challenge: 'x'.repeat(43),
  code_challenge_method: 'S256',
  state: 'a state',
  scope: 'mcp:read',
  resource: 'http://localhost:8787/mcp',
});

/** Whether a redirect to a client is to one of its addresses, and an answer of ours. */
function expectAllowed(location: string): void {
  const { origin, pathname, searchParams, hash } = new URL(location);
  expect(ALLOWED.map((one) => new URL(one).hostname)).toContain(new URL(location).hostname);
  // RFC 8252 section 7.3: on loopback any port is the client's.
  expect(ALLOWED.map((one) => one.replace(/:\d+/, ''))).toContain(`${origin}${pathname}`.replace(/:\d+/, ''));
  expect(hash).toBe('');
  expect(searchParams.get('iss')).toBe(gate.origin);
  expect(searchParams.get('error')).toMatch(/^[a-z_]{1,40}$/);
  for (const name of ['code', 'access_token', 'id_token']) expect(searchParams.has(name)).toBe(false);
}

test(
  'no request is answered by an error of ours, a redirect elsewhere or its own text as markup',
  async () => {
    let flows = 0;
    const property = fc.asyncProperty(oddPairs(right()), async (query) => {
      const browser = new Browser();
      const location = await soundPage(await browser.visit(`/authorize?${query}`));
      if (location === undefined) return;
      if (!location.startsWith('/authorize?flow=')) return expectAllowed(location);
      flows++;
      // The browser that began it, and one that didn't.
      expect(await soundPage(await browser.visit(location))).toBeUndefined();
      expect(await soundPage(await new Browser().visit(location))).toBeUndefined();
    });
    await check('/authorize', property, CASES);
    // Or nothing was right but for one thing.
    expect(isEnough(flows, CASES), `${flows} of ${CASES}`).toBe(true);
  },
  timeFor(CASES, 20),
);

test(
  'no field of a page’s form is answered by an error of ours or its own text as markup',
  async () => {
    const query = new URLSearchParams(right());
    const browser = new Browser();
    const opened = await browser.visit(`/authorize?${query}`);
    const page = await browser.visit(opened.location ?? '');
    const form = page.forms.find(({ hidden }) => hidden.method === 'local');
    const fields = { ...form?.hidden, name: 'Ada', email: '', groups: '' };
    const paths = fc.constantFrom(
      form?.action ?? '',
      opened.location ?? '',
      '/sign-in',
      '/device',
      '/authorize',
    );
    const property = fc.asyncProperty(oddPairs(fields), paths, oddText, async (body, path, odd) => {
      const origin = odd.length % 3 === 0 ? { origin: gate.origin } : {};
      const headers = { 'content-type': 'application/x-www-form-urlencoded', ...origin };
      const location = await soundPage(await browser.visit(path, { method: 'POST', headers, body }));
      if (location !== undefined) expect(new URL(location, gate.origin).origin).toBe(gate.origin);
    });
    await check('forms of pages', property, Math.ceil(CASES / 2));
  },
  timeFor(CASES, 20),
);

test(
  'no query of any other page is answered by an error of ours or its own text as markup',
  async () => {
    const parameters = {
      state: 's',
      code: 'c',
      iss: 'https://id.example',
      error: 'access_denied',
      flow: 'f',
    };
    const paths = [
      ...['/sign-in', '/sign-in/callback', '/connect/callback', '/connect/tools', '/device', '/authorize'],
      ...['/sign-out', '/account', '/account/keys', '/', '/mcp', '/mcp/x', '/logo', '/nothing'],
    ];
    const queries = oddPairs({ ...parameters, user_code: 'BCDF-GHJK', id: 'x', ticket: 'x' });
    const property = fc.asyncProperty(fc.constantFrom(...paths), queries, async (path, query) => {
      const location = await soundPage(await new Browser().visit(`${path}?${query}`));
      if (location !== undefined) expect(new URL(location, gate.origin).origin).toBe(gate.origin);
    });
    await check('queries of pages', property, CASES);
  },
  timeFor(CASES, 20),
);
