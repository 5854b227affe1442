import type { Context } from 'hono';
import { accountOf, SERVICE, VISITOR } from '../account';
import { record } from '../audit';
import { deploymentOf } from '../config';
import { type Flow, findFlow } from '../flow';
import { ok } from '../result';
import { brandingOf, type PageResult, showPage } from '../ui';
import { readFlowForm } from './flow-form';
import { currentSignIn, type SignedIn } from './session';
import { forgetVisitor, knownVisitor } from './visitor';
import { VisitorPage } from './visitor-page';

/**
 * `GET /sign-in/visitor`: somebody who was a visitor here has signed in, and is asked whether what the visitor had
 * comes along. Goes on with the flow where there is nothing to ask.
 */
export async function askVisitor(c: Context): Promise<PageResult> {
  const found = await findFlow(c, c.req.query('flow'), { touch: true });
  if (!found.ok) return found;
  const flow = found.value;
  const person = await whoMayTake(c);
  const visitor = person && (await visitorLeft(c));
  if (!visitor) return ok(c.redirect(flow.data.return_to, 303));
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
  return ok(await showPage(c, page, { formAction: 'open' }));
}

/** `POST /sign-in/visitor`: moves what the visitor had (`decision` = `take`), and goes on with the flow. */
export async function decideVisitor(c: Context): Promise<PageResult> {
  const person = await whoMayTake(c);
  const flow = await findFlow(c, c.req.query('flow'), { touch: true });
  if (!flow.ok) return flow;
  const form = await readFlowForm(c, flow.value, person?.userId ?? '');
  if (!form.ok) return form;
  const visitor = person && form.value.get('decision') === 'take' ? await visitorLeft(c) : undefined;
  if (person && visitor) {
    const moved = await accountOf(c.env, visitor.userId).moveTo(person.userId);
    const outcome = moved ? 'ok' : 'refused';
    record(c, { event: 'visitor_moved', outcome, user: person.userId, detail: visitor.userId });
    forgetVisitor(c);
  }
  return ok(c.redirect(flow.value.data.return_to, 303));
}

/** Where the browser goes once that person has signed in: on with the flow, or first to {@link askVisitor}. */
export async function afterSignIn(c: Context, flow: Flow, provider: string): Promise<string> {
  const isPerson = provider !== VISITOR && provider !== SERVICE;
  const asks = isPerson && (await visitorLeft(c)) !== undefined;
  return asks ? `/sign-in/visitor?flow=${flow.id}` : flow.data.return_to;
}

/** The signed-in person, unless they signed in by a key: it may do less than what they would get. */
async function whoMayTake(c: Context): Promise<SignedIn | undefined> {
  const person = await currentSignIn(c);
  const own = person && person.key === undefined;
  return own && ![VISITOR, SERVICE].includes(person.identity.provider) ? person : undefined;
}

/** What this browser's visitor has, by kind; undefined when there is no visitor, or they have nothing. */
async function visitorLeft(c: Context) {
  const known = await knownVisitor(c);
  if (!known) return undefined;
  const { identity, left } = await accountOf(c.env, known.userId).visitorState();
  const something = Object.values(left).some((names) => names.length > 0);
  if (!identity || !something) return undefined;
  const { servers } = deploymentOf(c).settings;
  const titleOf = (server: string) => servers.find(({ name }) => name === server)?.title ?? server;
  const connections = (left.connections ?? []).map(titleOf);
  return { userId: known.userId, name: identity.name, left: { ...left, connections } };
}
