import type { Context } from 'hono';
import { accountOf, mayKnow } from '../../account';
import { record } from '../../audit';
import { seconds } from '../../clock';
import { deploymentOf, titleOf } from '../../config';
import { timingSafeEqual } from '../../crypto';
import { type Flow, type FlowData, readUserCode, takeAttempt } from '../../flow';
import { currentSignIn, knownVisitor, type SignedIn } from '../../sign-in';
import { PageProblem, words } from '../../ui';
import type { ConnectedServer } from '../../upstream';
import { LIFETIME as TICKET_LIFETIME, type Ticket } from '../client/ticket';
import { serversOf } from '../client/within-key';

/*
 * Who connects at this browser: who is signed in, or the visitor whom the link is for, when they confirm the code
 * that their app shows (`BEHAVIOURS`, row 19).
 */

/**
 * What a flow of `/connect/{server}` keeps. `user`, `code`: whom the link was for, and the code that says so
 * elsewhere; unset: whoever is signed in. `back`: the page of ours where the person comes from; unset: they come
 * from their app.
 */
export interface ConnectFlow extends FlowData, Partial<Ticket> {
  server: string;
  back?: string;
}

export type Connecting = Pick<SignedIn, 'userId' | 'identity' | 'key'> & {
  /** Whether they are known by their app's code, not by this browser. */
  byCode: boolean;
};

/** Whose connection it is, and to what; or what the browser is asked for first. */
export type Whose =
  | { person: Connecting; server: ConnectedServer }
  | { first: 'sign_in' }
  | { first: 'code'; server: ConnectedServer };

const CONFIRMED = 'code-confirmed';
/** Codes that may be typed for one link. */
const MOST_ATTEMPTS = 5;

export function isConnectFlow(flow: Flow): flow is Flow<ConnectFlow> {
  return flow.data.kind === 'connect';
}

/**
 * Ends with a page when the link is for somebody else, or that server is not for them. `server`: undefined when there
 * is none of that name, which only who is signed in learns, as of one that isn't theirs to know.
 */
export async function whoConnects(
  c: Context,
  flow: Flow,
  server: ConnectedServer | undefined,
): Promise<Whose> {
  const found = await findPerson(c, flow, server);
  if (found === 'sign_in') return { first: found };
  if (!server) throw new PageProblem('not_found');
  if (found === 'code') return { first: found, server };
  mustBeUsable(c, found, server);
  return { person: found, server };
}

/** Ends with a page when somebody is signed in at this browser for whom that server isn't there. */
export async function requireUsableHere(c: Context, server: ConnectedServer | undefined): Promise<void> {
  const signedIn = await currentSignIn(c);
  if (signedIn) mustBeUsable(c, signedIn, server);
}

/** What a person may not know of is absent here too. */
function mustBeUsable(
  c: Context,
  person: Pick<SignedIn, 'identity' | 'key'>,
  server: ConnectedServer | undefined,
): void {
  const usable = serversOf(deploymentOf(c).settings, person).some(({ name }) => name === server?.name);
  if (!usable) throw new PageProblem('not_found');
}

async function findPerson(
  c: Context,
  flow: Flow,
  server: ConnectedServer | undefined,
): Promise<Connecting | 'sign_in' | 'code'> {
  const { user, code }: Partial<Ticket> = isConnectFlow(flow) ? flow.data : {};
  const signedIn = await currentSignIn(c);
  if (signedIn && (user === undefined || user === signedIn.userId)) return { ...signedIn, byCode: false };
  if (user !== undefined && code !== undefined) {
    const confirmed = await flow.peek<boolean>(CONFIRMED);
    if (confirmed.ok && confirmed.value === true) return visitor(c, user);
    const isTheirs = (await knownVisitor(c))?.userId === user;
    if (signedIn || !isTheirs) return 'code';
  }
  if (signedIn) throw await otherPerson(c, flow, signedIn, server);
  return 'sign_in';
}

async function visitor(c: Context, userId: string): Promise<Connecting> {
  const { identity } = await accountOf(c.env, userId).visitorState();
  // They have become a user meanwhile, and their app with them: its next link is for that one.
  if (!identity) throw new PageProblem('connect_link_expired', { detail: 'the visitor moved on' });
  return { userId, identity, key: undefined, byCode: true };
}

async function otherPerson(
  c: Context,
  flow: Flow,
  person: SignedIn,
  server: ConnectedServer | undefined,
): Promise<PageProblem> {
  if (!server) return new PageProblem('not_found');
  const detail = person.userId;
  const about = { event: 'connection', outcome: 'refused', ...aboutUser(person, server) } as const;
  record(c, { ...about, reason: 'connect_other_person' });
  await flow.stage('select-account', true);
  const action = { label: words.connection.switchAccount, href: `/sign-in?flow=${flow.id}` };
  // The name stands in the link that they have; the title is for those who may know of it.
  const shown = mayKnow(server, person.identity) ? titleOf(server) : server.name;
  return new PageProblem('connect_other_person', { about: shown, detail, action });
}

/**
 * Whether that is the code of the flow's link; from then on the browser may go on. Each link has five attempts, in
 * whichever browsers and however many at once; the flow ends with the last.
 */
export async function confirmCode(c: Context, flow: Flow<ConnectFlow>, typed: string): Promise<boolean> {
  const { code = '', user = '', server } = flow.data;
  const link = ['connect link', user, server, code].join('\0');
  const left = await takeAttempt(deploymentOf(c), link, MOST_ATTEMPTS, seconds() + TICKET_LIFETIME);
  if (left !== undefined && timingSafeEqual(readUserCode(typed) ?? '', code)) {
    const staged = await flow.stage(CONFIRMED, true);
    if (!staged.ok) throw new PageProblem(staged.error.reason);
    return true;
  }
  const reason = left === undefined ? 'connect_code_guesses' : 'connect_code_wrong';
  record(c, { event: 'connection', outcome: 'refused', reason, user, server });
  if (left !== undefined && left > 0) return false;
  await flow.submit();
  throw new PageProblem('connect_code_guesses');
}

export function aboutUser({ userId }: Pick<SignedIn, 'userId'>, { name }: ConnectedServer) {
  return { user: userId, server: name };
}
