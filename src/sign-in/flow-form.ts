import type { Context } from 'hono';
import type { Flow } from '../flow';
import { ok } from '../result';
import { type PageResult, readPostedForm, refusePage } from '../ui';

/**
 * The form that a page of this flow posts. `userId`: who was signed in when the page was made, where that matters.
 * Refused as `form_unreadable`, or as `form_forged` when it wasn't made in this flow for this person.
 */
export async function readFlowForm(
  c: Context,
  flow: Flow,
  userId?: string,
): Promise<PageResult<URLSearchParams>> {
  const form = await readPostedForm(c);
  if (!form.ok) return form;
  const genuine = await flow.checkCsrf(form.value.get('csrf'), userId);
  return genuine ? ok(form.value) : refusePage('form_forged');
}
