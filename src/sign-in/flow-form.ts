import type { Context } from 'hono';
import { type Flow, findFlow } from '../flow';
import { isSameOrigin, readForm } from '../http';
import { siteOf } from '../site';
import { PageProblem } from '../ui';

/** The flow that a request names; ends the request with a page when it can't go on. */
export async function mustFindFlow(c: Context, id: string | undefined, touch: boolean): Promise<Flow> {
  const flow = await findFlow(c, id, { touch });
  if (!flow.ok) throw new PageProblem(flow.error.reason, { detail: flow.error.detail });
  return flow.value;
}

/** A form of a page of ours, in its flow. `userId`: who was signed in when the page was made, where that matters. */
export async function readFlowForm(
  c: Context,
  userId?: string,
): Promise<{ flow: Flow; form: Record<string, string> }> {
  if (!isSameOrigin(c.req.raw, siteOf(c).origin)) throw new PageProblem('form_forged');
  const flow = await mustFindFlow(c, c.req.query('flow'), true);
  const form = await readForm(c.req.raw);
  if (!form.ok) throw new PageProblem('form_unreadable', { detail: form.error.reason });
  if (!(await flow.checkCsrf(form.value.get('csrf'), userId))) throw new PageProblem('form_forged');
  return { flow, form: Object.fromEntries(form.value) };
}
