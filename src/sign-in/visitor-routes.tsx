import type { Context } from 'hono';
import { accountOf, SERVICE, VISITOR } from '../account';
import { record } from '../audit';
import { deploymentOf } from '../config';
import type { Flow } from '../flow';
import { brandingOf, showPage } from '../ui';
import { readFlowForm, requireFlow } from './flow-form';
import { currentSignIn, type SignedIn } from './session';
import { forgetVisitor, knownVisitor } from './visitor';
import { VisitorPage } from './visitor-page';

/**
 * `GET /sign-in/visitor`: somebody who was a visitor here has signed in, and is asked whether what the visitor had
 * comes along. Goes on with the flow where there is nothing to ask.
 */
export async function askVisitor(c: Context): Promise<Response> {
  const flow = await requireFlow(c, c.req.query('flow'), true);
  const person = await whoMayTake(c);
  const visitor = person && (await visitorLeft(c));
  if (!visitor) return c.redirect(flow.data.return_to, 303);
  const page = (
    <VisitorPage
      branding={brandingOf(deploymentOf(c))}
      action={`/sign-in/visitor?flow=${flow.id}`}
      hidden={{ csrf: await flow.csrf(person.userId) }}
      visitor={visitor.name}
      user={person.identity.name}
      left={visitor.left}
    />
  );
  return showPage(c, page, { formAction: 'open' });
}

/** `POST /sign-in/visitor`: moves what the visitor had (`decision` = `take`), and goes on with the flow. */
export async function decideVisitor(c: Context): Promise<Response> {
  const person = await whoMayTake(c);
  const { flow, form } = await readFlowForm(c, person?.userId ?? '');
  const visitor = person && form.decision === 'take' ? await visitorLeft(c) : undefined;
  if (person && visitor) {
    const moved = await accountOf(c.env, visitor.userId).moveTo(person.userId);
    const outcome = moved ? 'ok' : 'refused';
    record(c, { event: 'visitor_moved', outcome, user: person.userId, detail: visitor.userId });
    forgetVisitor(c);
  }
  return c.redirect(flow.data.return_to, 303);
}

/** Where the browser goes once that person has signed in: on, or first to the question. */
export async function afterSignIn(c: Context, flow: Flow, provider: string): Promise<string> {
  const isPerson = provider !== VISITOR && provider !== SERVICE;
  const asks = isPerson && (await visitorLeft(c)) !== undefined;
  return asks ? `/sign-in/visitor?flow=${flow.id}` : flow.data.return_to;
}

/** A person who signed in themselves: what a key may do is less than what would come to them. */
async function whoMayTake(c: Context): Promise<SignedIn | undefined> {
  const person = await currentSignIn(c);
  const own = person && person.key === undefined;
  return own && ![VISITOR, SERVICE].includes(person.identity.provider) ? person : undefined;
}

/** What this browser's visitor left; undefined when there is none, or nothing to take along. */
async function visitorLeft(c: Context) {
  const known = await knownVisitor(c);
  if (!known) return undefined;
  const { identity, left } = await accountOf(c.env, known.userId).visitorState();
  const something = Object.values(left).some((names) => names.length > 0);
  if (!identity || !something) return undefined;
  const { servers } = deploymentOf(c).settings;
  const titleOf = (server: string) => servers.find(({ name }) => name === server)?.title ?? server;
  const told = { ...left, connections: (left.connections ?? []).map(titleOf) };
  return { userId: known.userId, name: identity.name, left: told };
}
