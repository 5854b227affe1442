import type { Context } from 'hono';
import { type Flow, findFlow } from '../flow';
import { PageProblem, readPageForm } from '../ui';

/** The flow that a request names; ends the request with a page when it can't go on. */
export async function requireFlow(c: Context, id: string | undefined, touch: boolean): Promise<Flow> {
  const flow = await findFlow(c, id, { touch });
  if (!flow.ok) throw new PageProblem(flow.error.reason, { detail: flow.error.detail });
  return flow.value;
}

/** A form of a page of ours, in its flow. `userId`: who was signed in when the page was made, where that matters. */
export async function readFlowForm(
  c: Context,
  userId?: string,
): Promise<{ flow: Flow; form: Record<string, string> }> {
  const flow = await requireFlow(c, c.req.query('flow'), true);
  const form = await readPageForm(c);
  if (!(await flow.checkCsrf(form.get('csrf'), userId))) throw new PageProblem('form_forged');
  return { flow, form: Object.fromEntries(form) };
}
