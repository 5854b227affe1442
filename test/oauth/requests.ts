import { expect } from 'vitest';
import { Browser, type Client, linkOf, type Page, registerClient, textOf } from '../fixtures/worker';

/* Authorization requests as a client makes them, and what becomes of those that are wrong. */

export const REDIRECT = 'https://app.example/callback?app=1';

/** Opens `/authorize` with usual parameters, `changes` over them; undefined leaves one out. */
export async function ask(
  changes: Record<string, string | undefined>,
  client?: Client,
  browser = new Browser(),
): Promise<Page> {
  const known = client ?? (await registerClient({ redirect_uris: [REDIRECT] }));
  const usual = {
    response_type: 'code',
    client_id: known.client_id,
    redirect_uri: known.redirect_uri,
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
    state: 'a state',
  };
  const given = Object.entries({ ...usual, ...changes }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  return browser.visit(`/authorize?${new URLSearchParams(given)}`);
}

/** The error that was sent to the client's own redirect, with state and `iss`. */
export function errorOf({ status, location }: Page): string | null {
  expect(status).toBe(303);
  const url = new URL(location ?? '');
  expect(`${url.origin}${url.pathname}`).toBe('https://app.example/callback');
  expect(url.searchParams.get('app')).toBe('1');
  expect(url.searchParams.get('iss')).toBe('http://localhost:8787');
  expect(url.searchParams.has('code')).toBe(false);
  return url.searchParams.get('error');
}

/** The page that says what is wrong, as if its link had been followed. Nothing leads there by itself. */
export function followed(page: Page): Page {
  expect([page.status, page.location]).toEqual([400, undefined]);
  expect(textOf(page.html)).toContain('The app’s request isn’t valid');
  expect(page.html).not.toMatch(/http-equiv|<script|<form/i);
  expect(page.headers.get('refresh')).toBeNull();
  return { ...page, status: 303, location: linkOf(page) };
}
