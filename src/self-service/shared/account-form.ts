import type { Context } from 'hono';
import { deploymentOf } from '../../config';
import { sign, verifySignature } from '../../crypto';
import { PageProblem, readPageForm, requireSameOrigin } from '../../ui';

const PURPOSE = 'account-form';

/** What every form of the account's pages carries, hidden: proof that it was made for this sign-in. */
export async function accountFields(
  c: Context,
  { signInId }: { signInId: string },
): Promise<{ csrf: string }> {
  return { csrf: await sign(deploymentOf(c).keyring, PURPOSE, signInId) };
}

/** A form of the account's pages, sent from the sign-in that it was made for. `whoCalls` finds who is signed in. */
export async function readAccountForm<T extends { signInId: string }>(
  c: Context,
  whoCalls: (c: Context) => Promise<T | undefined>,
): Promise<{ person: T; form: URLSearchParams }> {
  requireSameOrigin(c);
  const form = await readPageForm(c);
  const person = await whoCalls(c);
  const csrf = form.get('csrf') ?? '';
  if (!person || !(await verifySignature(deploymentOf(c).keyring, PURPOSE, person.signInId, csrf))) {
    throw new PageProblem('form_forged');
  }
  return { person, form };
}
