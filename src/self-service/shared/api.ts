import type { Context, MiddlewareHandler } from 'hono';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { currentSignIn } from '../../sign-in';
import { actorOf, type PersonContext, type PersonEnv } from './person';

/** Items of a list in one answer: without `limit`, and at most. */
const PAGE = 50;
const MAX_PAGE = 100;

/**
 * Middleware of the API: who is signed in at this browser. 401 when nobody is; 403 for a change without the `Origin` of
 * our own pages, whatever the type of its body. (hono's `csrf` looks at forms only.)
 */
export const personOfApi: MiddlewareHandler<PersonEnv> = async (c, next) => {
  const { origin } = deploymentOf(c);
  if (isForeignChange(c, origin)) {
    return apiError(c, 403, 'access_denied', 'The request must come from a page of this origin');
  }
  const person = await currentSignIn(c);
  if (!person) return apiError(c, 401, 'unauthorized', `Sign in at ${origin}/sign-in first`);
  c.set('person', person);
  c.header('Cache-Control', 'no-store');
  return next();
};

/** Whether a request only reads, by its method. */
export function isRead(c: Context): boolean {
  return c.req.method === 'GET' || c.req.method === 'HEAD';
}

/** Whether a request would change something and doesn't come from a page of this origin. */
export function isForeignChange(c: Context, origin: string): boolean {
  return !isRead(c) && c.req.header('origin') !== origin;
}

/** An error of the API. `error`: a stable code; `error_description`: for the developer who reads it. */
export function apiError(
  c: Context,
  status: 400 | 401 | 403 | 404,
  error: string,
  error_description: string,
): Response {
  return c.json({ error, error_description }, status);
}

/** `{"items": […], "cursor"}`: `limit` of them (at most 100), after the one whose id is `cursor`. */
export function listOf(c: PersonContext, all: { id: string }[]): Response {
  const limit = readLimit(c);
  if (limit === undefined) return limitError(c);
  const cursor = c.req.query('cursor');
  const from = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1;
  const items = all.slice(from, from + limit);
  const more = from + items.length < all.length;
  return c.json({ items, ...(more ? { cursor: items.at(-1)?.id } : {}) });
}

/** The `limit` of a list, at most 100; undefined when it is no number from 1 on: {@link limitError}. */
export function readLimit(c: Context): number | undefined {
  const asked = Number(c.req.query('limit') ?? PAGE);
  return Number.isInteger(asked) && asked >= 1 ? Math.min(asked, MAX_PAGE) : undefined;
}

export function limitError(c: Context): Response {
  return apiError(c, 400, 'invalid_request', `limit must be a number from 1 to ${MAX_PAGE}`);
}

/** 204 for what was ended, and its `event` in the log; 404 when it wasn't there. */
export function ended(c: PersonContext, event: string, id: string, existed: boolean): Response {
  if (!existed) return apiError(c, 404, 'not_found', 'There is none of that id');
  record(c, { event, outcome: 'ok', ...actorOf(c), detail: id });
  return c.body(null, 204);
}

/** A time as RFC 3339. `seconds`: since the epoch. */
export function toTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
