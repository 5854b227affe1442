import type { Context } from 'hono';
import { except } from 'hono/combine';
import { csrf } from 'hono/csrf';
import { deploymentOf } from '../config';
import { readForm } from '../http';
import { type PageResult, refusePage } from './problem';

/**
 * Middleware of routers whose forms change something: throws hono's `HTTPException` (403), which {@link failAsPage}
 * shows, for a form that a page of another origin posts. Our origin is that of `PUBLIC_URL`, so the browser's own
 * judgement in its fetch metadata is not used: it compares with the host that the request was sent to. A request
 * without `Origin` passes: programs send none, and no browser lets a page leave it out of a post.
 */
export const ownFormsOnly = except(
  (c: Context) => c.req.header('origin') === undefined,
  csrf({ origin: (origin, c) => origin === deploymentOf(c).origin, secFetchSite: () => false }),
);

/** The form that a page of ours posts; refused as `form_unreadable`, with the reason of `readForm` as its detail. */
export async function readPostedForm(c: Pick<Context, 'req'>): Promise<PageResult<URLSearchParams>> {
  const form = await readForm(c.req.raw);
  return form.ok ? form : refusePage('form_unreadable', { detail: form.error.reason });
}
