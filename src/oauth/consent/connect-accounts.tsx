import type { Context } from 'hono';
import { usableServers } from '../../account';
import { record } from '../../audit';
import { titleOf } from '../../config';
import {
  beginConnect,
  checkKey,
  connectableAccountOf,
  connectionsNeeded,
  connectNotice,
  type NeededConnection,
  stageObtained,
  takeOutcome,
} from '../../connections';
import type { Flow } from '../../flow';
import { ok } from '../../result';
import { brandingOf, type PageResult, refusePage, showPage, words } from '../../ui';
import { type ConnectedServer, placeOf } from '../../upstream';
import type { AuthorizationFlow } from '../authorize/request';
import { type Choice, stagedChoice } from './choice';
import { ConnectAccountsPage } from './connect-accounts-page';
import { aboutConsent, type ConsentContext } from './context';
import { finishAuthorization } from './finish';

/*
 * The page "Connect your accounts", between consent and the client: for servers at which each person needs an account of
 * their own.
 */

/** The value of `step` in the page's address. */
const STEP = 'services';

/** Whether a request is for this page; else it is for consent. */
export function isAtConnectAccounts(c: Context): boolean {
  return c.req.query('step') === STEP;
}

/** The page's address in a flow. */
export function connectAccountsPath(flow: Flow<AuthorizationFlow>): string {
  return `${flow.data.return_to}&step=${STEP}`;
}

/** Of the servers that were chosen: those at which the person needs an account of their own, and how each stands. */
export function accountsNeeded(
  { c, deployment, flow, person }: ConsentContext,
  { servers }: Choice,
): Promise<NeededConnection[]> {
  const usable = usableServers(deployment.settings, person.identity);
  const chosen = usable.filter(({ name }) => servers.includes(name));
  return connectionsNeeded(c, person.userId, chosen, flow);
}

/** A line above the list, and the status of the page that has it. */
interface PageNotice {
  text: string;
  status: number;
}

/** The page; a person who hasn't allowed anything yet is sent to consent. Refused with a page when the flow has ended. */
export async function showConnectAccounts(consent: ConsentContext, notice?: PageNotice): Promise<PageResult> {
  const { c, deployment, flow, person } = consent;
  const allowed = await stagedChoice(consent);
  if (!allowed.ok) return allowed;
  if (!allowed.value) return ok(c.redirect(flow.data.return_to, 303));
  const needed = await accountsNeeded(consent, allowed.value.choice);
  const { name, email } = person.identity;
  const page = (
    <ConnectAccountsPage
      branding={brandingOf(deployment)}
      client={flow.data.client.name}
      user={{ name, email }}
      accounts={needed.map(connectableAccountOf)}
      action={connectAccountsPath(flow)}
      hidden={{ csrf: await flow.csrf(person.userId) }}
      switchAccount={{ action: '/sign-out', hidden: { flow: flow.id } }}
      consent={flow.data.return_to}
      notice={notice?.text ?? (await outcomeOf(flow, needed))}
    />
  );
  return ok(await showPage(c, page, { formAction: 'open', status: notice?.status ?? 200 }));
}

/**
 * Takes a button of the page: to a server's provider, a pasted key, or on to the client. Refused with a page when the
 * flow has ended, or the server isn't one of those that this client was allowed.
 */
export async function decideConnectAccounts(
  consent: ConsentContext,
  form: URLSearchParams,
): Promise<PageResult> {
  const { c, flow } = consent;
  const allowed = await stagedChoice(consent);
  if (!allowed.ok) return allowed;
  if (!allowed.value) return ok(c.redirect(flow.data.return_to, 303));
  const { choice } = allowed.value;
  const decision = form.get('decision');
  if (decision === 'finish' || decision === 'skip') return finishAuthorization(consent, choice);
  const name = form.get('connect');
  if (name === null)
    return showConnectAccounts(consent, { text: words.services.decisionMissing, status: 400 });
  // Only what this client was allowed: nobody is sent to connect a server that they didn't consent to.
  const needed = await accountsNeeded(consent, choice);
  const server = needed.find((one) => one.server.name === name)?.server;
  if (!server) return refusePage('not_found');
  if (server.auth === 'oauth') return goToProvider(consent, server);
  return takeKey(consent, server, form.get('key') ?? '');
}

async function goToProvider(consent: ConsentContext, server: ConnectedServer): Promise<PageResult> {
  const { c, flow, person } = consent;
  const begun = await beginConnect(c, flow, {
    user: person.userId,
    server,
    returnTo: connectAccountsPath(flow),
  });
  if (begun.ok) return ok(c.redirect(begun.value, 303));
  return showFailed(consent, server, begun.error, 502);
}

async function takeKey(consent: ConsentContext, server: ConnectedServer, typed: string): Promise<PageResult> {
  const { c, flow, person } = consent;
  const checked = await checkKey(c, server, typed);
  if (!checked.ok) return showFailed(consent, server, checked.error, 400);
  const obtained = { credential: checked.value, place: placeOf(server) };
  const staged = await stageObtained(flow, person.userId, obtained);
  return staged.ok ? ok(c.redirect(connectAccountsPath(flow), 303)) : staged;
}

/** The page again, with why nothing was connected. */
function showFailed(
  consent: ConsentContext,
  server: ConnectedServer,
  refusal: { reason: Parameters<typeof connectNotice>[1]; detail?: string },
  status: number,
): Promise<PageResult> {
  const about = { ...aboutConsent(consent), server: server.name };
  record(consent.c, { event: 'connection', outcome: 'refused', ...refusal, ...about });
  const text = connectNotice(titleOf(server), refusal.reason);
  return showConnectAccounts(consent, { text, status });
}

/** Why the connection that was just tried came to nothing, if it did. */
async function outcomeOf(flow: Flow, needed: NeededConnection[]): Promise<string | undefined> {
  const outcome = await takeOutcome(flow);
  const server = needed.find((one) => one.server.name === outcome?.server)?.server;
  return outcome && connectNotice(server?.title ?? outcome.server, outcome.reason);
}
