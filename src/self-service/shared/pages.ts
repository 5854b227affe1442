import type { Context, MiddlewareHandler } from 'hono';
import { deploymentOf } from '../../config';
import { sign, verifySignature } from '../../crypto';
import { startFlow } from '../../flow';
import { currentSignIn } from '../../sign-in';
import { type PageResult, readPostedForm, refusePage, toPage } from '../../ui';
import type { PersonContext, PersonEnv } from './person';

const PURPOSE = 'account-form';

/**
 * Middleware of the account's pages: who is signed in at this browser. When nobody is, the way to a page leads through
 * sign-in, and a form is `form_forged`: we make none for somebody who isn't signed in.
 */
export const personOfPages: MiddlewareHandler<PersonEnv> = async (c, next) => {
  const person = await currentSignIn(c);
  if (person) {
    c.set('person', person);
    return next();
  }
  const form = c.req.method === 'POST' ? await readPostedForm(c) : undefined;
  if (form) return toPage(c, form.ok ? { reason: 'form_forged' } : form.error);
  const flow = await startFlow(c, () => ({ kind: 'sign-in', return_to: c.req.path }));
  return flow.ok ? c.redirect(`/sign-in?flow=${flow.value.id}`, 303) : toPage(c, flow.error);
};

/** A request of a page, of somebody who is signed in; the pages of admins are such ones too. */
type OfPerson = Pick<PersonContext, 'var' | 'req'>;

/** The hidden fields of every form of the account's pages: proof that it was made for this sign-in. */
export async function accountFields(c: OfPerson): Promise<{ csrf: string }> {
  return { csrf: await sign(deploymentOf(c).keyring, PURPOSE, c.var.person.signInId) };
}

/** The form that a page of the account posts; `form_forged` when it was made for another sign-in. */
export async function readAccountForm(c: OfPerson): Promise<PageResult<URLSearchParams>> {
  const form = await readPostedForm(c);
  if (!form.ok) return form;
  const csrf = form.value.get('csrf') ?? '';
  const genuine = await verifySignature(deploymentOf(c).keyring, PURPOSE, c.var.person.signInId, csrf);
  return genuine ? form : refusePage('form_forged');
}

/** The number in the query that a list begins at (`?from=12`); 0 when there is none. */
export function readFrom(c: Context): number {
  return Math.max(0, Number.parseInt(c.req.query('from') ?? '', 10) || 0);
}
