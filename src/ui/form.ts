import type { Context } from 'hono';
import { deploymentOf } from '../config';
import { isSameOrigin, readForm } from '../http';
import { PageProblem } from './problem';

/** Ends with a page what another site posts here. */
export function requireSameOrigin(c: Context): void {
  if (!isSameOrigin(c.req.raw, deploymentOf(c).origin)) throw new PageProblem('form_forged');
}

/** The form that a request brings; ends with a page when there is none that can be read. */
export async function readPageForm(c: Context): Promise<URLSearchParams> {
  const form = await readForm(c.req.raw);
  if (!form.ok) throw new PageProblem('form_unreadable', { detail: form.error.reason });
  return form.value;
}
