import type { Context } from 'hono';
import { accountOf, type Obtained } from '../../account';
import { record } from '../../audit';
import { deploymentOf, titleOf } from '../../config';
import { type Flow, findFlow } from '../../flow';
import { ok, type Refusal } from '../../result';
import { keepVisitor, stateFlowId } from '../../sign-in';
import { brandingOf, type PageResult, refusePage, showPage, words } from '../../ui';
import { needsConnection, placeOf } from '../../upstream';
import {
  type BeginRefusal,
  beginConnect,
  type ConnectTransaction,
  type FinishRefusal,
  finishConnect,
  takeTransaction,
} from '../client/oauth';
import { stageOutcome } from '../client/outcome';
import { stageObtained } from '../client/staged';
import { ConnectedPage } from './connect-page';
import { aboutUser, type ConnectFlow, type ConnectionAttempt, findConnectStep } from './person';
import { connectProblem } from './problems';

/**
 * `GET /connect/callback` and `/connect/callback/{id}`: the provider sends the browser back, in a flow of `/connect`
 * or of an authorization that waits. What was obtained is kept at once in the first, staged in the second.
 */
export async function comeBack(c: Context): Promise<PageResult> {
  const answer = new URL(c.req.url);
  const [state = '', ...more] = answer.searchParams.getAll('state');
  const found = await findFlow(c, stateFlowId(state), { touch: true });
  if (!found.ok) return found;
  const flow = found.value;
  const transaction = more.length === 0 ? await takeTransaction(flow, state) : undefined;
  if (!transaction) {
    record(c, { event: 'connection', outcome: 'refused', reason: 'state_mismatch' });
    // Most likely a reload after it was finished: the page that began it is still there.
    const detail = 'no connection is under way in it with this state';
    return refusePage('flow_unknown', { detail, action: tryAgain(flow) });
  }
  const attempt = await resumeAttempt(c, flow, transaction);
  if (!attempt.ok) return attempt;
  const finished = await finishConnect(deploymentOf(c), attempt.value.server, transaction, answer);
  if (!finished.ok && finished.error.reason === 'scope_refused') {
    return retryWithout(c, attempt.value, transaction, finished.error);
  }
  if (!finished.ok) return goBack(c, attempt.value, transaction, finished.error);
  const obtained = { credential: finished.value, place: transaction.place };
  const { return_to } = transaction;
  if (return_to === undefined) return keepConnection(c, attempt.value, obtained);
  const { person, server } = attempt.value;
  const staged = await stageObtained(flow, person.userId, obtained);
  if (!staged.ok) return staged;
  await endConnecting(c, person.userId, server.name);
  return ok(c.redirect(return_to, 303));
}

/** Who began it, and where, if both are still the same: else `connect_other_person` or `not_found`. */
async function resumeAttempt(
  c: Context,
  flow: Flow,
  transaction: ConnectTransaction,
): Promise<PageResult<ConnectionAttempt>> {
  const named = deploymentOf(c).settings.servers.find(({ name }) => name === transaction.server);
  const server = named && needsConnection(named) ? named : undefined;
  if (!server || placeOf(server) !== transaction.place) return refusePage('not_found');
  const next = await findConnectStep(c, flow, server);
  if (!next.ok) return next;
  const attempt = next.value.step === 'connect' ? next.value.attempt : undefined;
  if (attempt?.person.userId === transaction.user) return ok(attempt);
  return refusePage('connect_other_person', { about: titleOf(server), action: tryAgain(flow) });
}

/**
 * Sends the browser to the provider again, without the scope that only the gate wanted. That happens once: the new
 * request has no such scope.
 */
async function retryWithout(
  c: Context,
  attempt: ConnectionAttempt,
  transaction: ConnectTransaction,
  refusal: Refusal<FinishRefusal>,
): Promise<PageResult> {
  const { flow, person, server } = attempt;
  record(c, { event: 'connection', outcome: 'refused', ...refusal, ...aboutUser(person, server) });
  const { return_to: returnTo } = transaction;
  const request = { user: person.userId, server, withoutOfflineAccess: true };
  const begun = await beginConnect(c, flow, returnTo === undefined ? request : { ...request, returnTo });
  return begun.ok ? ok(c.redirect(begun.value, 303)) : goBack(c, attempt, transaction, begun.error);
}

/** A connection that failed: back to the page of ours where it was begun, which says why, or an error page. */
async function goBack(
  c: Context,
  { flow, person, server }: ConnectionAttempt,
  transaction: ConnectTransaction,
  refusal: Refusal<BeginRefusal | FinishRefusal>,
): Promise<PageResult> {
  record(c, { event: 'connection', outcome: 'refused', ...refusal, ...aboutUser(person, server) });
  await endConnecting(c, person.userId, server.name);
  const back = transaction.return_to ?? backOf(flow);
  if (back === undefined) return { ok: false, error: connectProblem(server, refusal, flow.data.return_to) };
  await stageOutcome(flow, server.name, refusal);
  return ok(c.redirect(back, 303));
}

/** The person is no longer at that server's provider: the connection isn't `pending` any more. */
function endConnecting(c: Context, userId: string, server: string) {
  return accountOf(c.env, userId).beginConnecting(server, 0);
}

function tryAgain({ data }: Flow) {
  return { label: words.connection.again, href: data.return_to };
}

/** The page of ours that the person came from, with the flow where the reason waits; undefined: from their app. */
function backOf({ id, data }: Flow): string | undefined {
  const { back } = data as ConnectFlow;
  return back === undefined ? undefined : `${back}${back.includes('?') ? '&' : '?'}flow=${id}`;
}

/** Ends the flow, which only the first call does, and keeps what was obtained. */
export async function keepConnection(
  c: Context,
  { flow, person, server }: ConnectionAttempt,
  obtained: Obtained,
): Promise<PageResult> {
  const submitted = await flow.submit();
  if (!submitted.ok) return submitted;
  await accountOf(c.env, person.userId).storeConnections([obtained]);
  await keepVisitor(deploymentOf(c), person);
  record(c, { event: 'connection', outcome: 'ok', ...aboutUser(person, server) });
  const { back } = flow.data as ConnectFlow;
  if (back !== undefined) return ok(c.redirect(back, 303));
  const branding = brandingOf(deploymentOf(c));
  return ok(await showPage(c, <ConnectedPage branding={branding} server={titleOf(server)} />));
}
