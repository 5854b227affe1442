import type { Context } from 'hono';
import { accountOf } from '../../account';
import { actor } from '../../audit';
import type { SignedIn } from '../../sign-in';

/** What the routers of this folder put into the context: who is signed in at this browser. */
export type PersonEnv = { Bindings: Env; Variables: { person: SignedIn } };

export type PersonContext = Context<PersonEnv>;

/** The person signed in, as events name them. */
export function actorOf(c: PersonContext) {
  return actor(c.var.person.userId, c.var.person.identity);
}

/** The account of the person signed in. */
export function ownAccount(c: PersonContext) {
  return accountOf(c.env, c.var.person.userId);
}
