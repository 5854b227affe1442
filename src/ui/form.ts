import type { Context } from 'hono';
import { except } from 'hono/combine';
import { csrf } from 'hono/csrf';
import { deploymentOf } from '../config';
import { isSameOrigin, readForm } from '../http';
import { PageProblem, type PageResult, refusePage } from './problem';

/**
 * Middleware of routers whose forms change something: throws hono's `HTTPException` (403), which {@link failAsPage}
 * shows, for a form that a page of another origin posts. Ours is `PUBLIC_URL`'s, so what the browser says of
 * itself (`Sec-Fetch-Site`) isn't asked: that compares with the host that it sent the request to. A request
 * without `Origin` passes: programs send none, and no browser lets a page leave it out of a post.
 */
export const ownFormsOnly = except(
  (c: Context) => c.req.header('origin') === undefined,
  csrf({ origin: (origin, c) => origin === deploymentOf(c).origin, secFetchSite: () => false }),
);

/** The form that a page of ours posts; refused as `form_unreadable`, with the reason of `readForm` as its detail. */
export async function readPostedForm(c: Context): Promise<PageResult<URLSearchParams>> {
  const form = await readForm(c.req.raw);
  return form.ok ? form : refusePage('form_unreadable', { detail: form.error.reason });
}

/** Throws a `PageProblem` for what another site posts here. Routers with {@link ownFormsOnly} don't need it. */
export function requireSameOrigin(c: Context): void {
  if (!isSameOrigin(c.req.raw, deploymentOf(c).origin)) throw new PageProblem('form_forged');
}

/** As {@link readPostedForm}; throws a `PageProblem`. For code that doesn't return refusals yet. */
export async function readPageForm(c: Context): Promise<URLSearchParams> {
  const form = await readPostedForm(c);
  if (!form.ok) throw new PageProblem(form.error.reason, form.error);
  return form.value;
}
