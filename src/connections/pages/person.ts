import type { Context } from 'hono';
import { accountOf, mayKnow } from '../../account';
import { actor, record } from '../../audit';
import { seconds } from '../../clock';
import { deploymentOf, titleOf } from '../../config';
import { timingSafeEqual } from '../../crypto';
import { type Flow, type FlowData, readUserCode, takeAttempt } from '../../flow';
import { ok } from '../../result';
import { currentSignIn, knownVisitor, type SignedIn } from '../../sign-in';
import { type PageRefusal, type PageResult, refusePage, words } from '../../ui';
import type { ConnectedServer } from '../../upstream';
import { LIFETIME as TICKET_LIFETIME, type Ticket } from '../client/ticket';
import { serversOfSignIn } from '../client/within-key';

/*
 * Who connects at this browser: the person signed in, or the visitor whom the link is for, once they confirm the code
 * that their app shows.
 */

/**
 * What a flow of `/connect/{server}` keeps. `user` and `code`: whom the link is for, and the code that proves it in
 * another browser; unset: the person signed in. `back`: the page of ours that the person comes from; unset: they come
 * from their app.
 */
export interface ConnectFlow extends FlowData, Partial<Ticket> {
  server: string;
  back?: string;
}

export type ConnectingPerson = Pick<SignedIn, 'userId' | 'identity' | 'key'> & {
  /** Whether their app's code says who they are, and not this browser's sign-in. */
  byCode: boolean;
};

/** A connection that somebody is about to make: who, where, and the flow that it happens in. */
export interface ConnectionAttempt {
  flow: Flow;
  person: ConnectingPerson;
  server: ConnectedServer;
}

/** What comes next in the flow of a connection. */
export type ConnectStep =
  /** Nobody is signed in, and the link doesn't say who it is for. */
  | { step: 'sign_in' }
  /** The link is for a visitor whom this browser doesn't know: it asks for the code that their app shows. */
  | { step: 'code'; server: ConnectedServer }
  | { step: 'connect'; attempt: ConnectionAttempt };

const CONFIRMED = 'code-confirmed';
/** Codes that may be typed for one link. */
const MOST_ATTEMPTS = 5;

export function isConnectFlow(flow: Flow): flow is Flow<ConnectFlow> {
  return flow.data.kind === 'connect';
}

/**
 * What comes next for this browser. `server`: undefined when there is none of that name. Only a person who is signed in
 * gets to know that, as of a server that they may not know of.
 *
 * Refused as `connect_other_person` when the link is for somebody else, `connect_link_expired` when its visitor has
 * become a user, `not_found` when that server isn't there for them.
 */
export async function findConnectStep(
  c: Context,
  flow: Flow,
  server: ConnectedServer | undefined,
): Promise<PageResult<ConnectStep>> {
  const found = await findPerson(c, flow, server);
  if (!found.ok) return found;
  const person = found.value;
  if (person === 'sign_in') return ok({ step: 'sign_in' });
  if (!server) return refusePage('not_found');
  if (person === 'code') return ok({ step: 'code', server });
  const usable = checkUsable(c, person, server);
  return usable.ok ? ok({ step: 'connect', attempt: { flow, person, server } }) : usable;
}

/** Refused as `not_found` when somebody is signed in at this browser for whom that server isn't there. */
export async function checkUsableHere(
  c: Context,
  server: ConnectedServer | undefined,
): Promise<PageResult<null>> {
  const signedIn = await currentSignIn(c);
  return signedIn ? checkUsable(c, signedIn, server) : ok(null);
}

function checkUsable(
  c: Context,
  person: Pick<SignedIn, 'identity' | 'key'>,
  server: ConnectedServer | undefined,
): PageResult<null> {
  const usable = serversOfSignIn(deploymentOf(c).settings, person).some(({ name }) => name === server?.name);
  return usable ? ok(null) : refusePage('not_found');
}

async function findPerson(
  c: Context,
  flow: Flow,
  server: ConnectedServer | undefined,
): Promise<PageResult<ConnectingPerson | 'sign_in' | 'code'>> {
  const { user, code }: Partial<Ticket> = isConnectFlow(flow) ? flow.data : {};
  const signedIn = await currentSignIn(c);
  if (signedIn && (user === undefined || user === signedIn.userId)) {
    return ok({ ...signedIn, byCode: false });
  }
  if (user !== undefined && code !== undefined) {
    const confirmed = await flow.peek<boolean>(CONFIRMED);
    if (confirmed.ok && confirmed.value === true) return findVisitor(c, user);
    const isTheirs = (await knownVisitor(c))?.userId === user;
    if (signedIn || !isTheirs) return ok('code');
  }
  return signedIn ? { ok: false, error: await otherPerson(c, flow, signedIn, server) } : ok('sign_in');
}

async function findVisitor(c: Context, userId: string): Promise<PageResult<ConnectingPerson>> {
  const { identity } = await accountOf(c.env, userId).visitorState();
  // The visitor has become a user, and their app with them: its next link is for that user.
  if (!identity) return refusePage('connect_link_expired', { detail: 'the visitor moved on' });
  return ok({ userId, identity, key: undefined, byCode: true });
}

/** The page for a link that is for somebody else, with a button to sign in as them. */
async function otherPerson(
  c: Context,
  flow: Flow,
  person: SignedIn,
  server: ConnectedServer | undefined,
): Promise<PageRefusal> {
  if (!server) return { reason: 'not_found' };
  const reason = 'connect_other_person';
  record(c, { event: 'connection', outcome: 'refused', reason, ...aboutUser(person, server) });
  await flow.stage('select-account', true);
  const action = { label: words.connection.switchAccount, href: `/sign-in?flow=${flow.id}` };
  // The name is in the link that they have; the title is for people who may know of the server.
  const shown = mayKnow(server, person.identity) ? titleOf(server) : server.name;
  return { reason, about: shown, detail: person.userId, action };
}

/**
 * Whether that is the code of the flow's link; if it is, the browser may go on. Each link has five attempts, in all
 * browsers and however many at once. With the last one the flow ends: `connect_code_guesses`.
 */
export async function confirmCode(
  c: Context,
  flow: Flow<ConnectFlow>,
  typed: string,
): Promise<PageResult<'confirmed' | 'wrong'>> {
  const { code = '', user = '', server } = flow.data;
  const link = ['connect link', user, server, code].join('\0');
  const left = await takeAttempt(deploymentOf(c), link, MOST_ATTEMPTS, seconds() + TICKET_LIFETIME);
  if (left !== undefined && timingSafeEqual(readUserCode(typed) ?? '', code)) {
    const staged = await flow.stage(CONFIRMED, true);
    return staged.ok ? ok('confirmed') : staged;
  }
  const reason = left === undefined ? 'connect_code_guesses' : 'connect_code_wrong';
  record(c, { event: 'connection', outcome: 'refused', reason, user, server });
  if (left !== undefined && left > 0) return ok('wrong');
  await flow.submit();
  return refusePage('connect_code_guesses');
}

/** Who and where, for the log. */
export function aboutUser(
  { userId, identity }: Pick<SignedIn, 'userId' | 'identity'>,
  { name }: ConnectedServer,
) {
  return { ...actor(userId, identity), server: name };
}
