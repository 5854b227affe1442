import { type Context, Hono } from 'hono';
import type { Obtained } from '../../account';
import { accountOf } from '../../account';
import { record } from '../../audit';
import { deploymentOf, isSettingName, titleOf } from '../../config';
import { type Flow, openFlow } from '../../flow';
import { keepVisitor, requireFlow, showSignIn, stateFlowId } from '../../sign-in';
import { brandingOf, PageProblem, readPageForm, showPage, words } from '../../ui';
import { type ConnectedServer, needsConnection, placeOf, tryCredential } from '../../upstream';
import { checkKey } from '../client/api-key';
import { clientDocument } from '../client/client';
import { connectionsNeeded } from '../client/needed';
import { beginConnect, finishConnect, takeTransaction } from '../client/oauth';
import { stageOutcome } from '../client/outcome';
import { stageObtained } from '../client/staged';
import { readTicket, type Ticket } from '../client/ticket';
import { CodePage, ConnectedPage, ConnectServerPage } from './connect-page';
import {
  aboutUser,
  type ConnectFlow,
  type Connecting,
  confirmCode,
  isConnectFlow,
  requireUsableHere,
  whoConnects,
} from './person';
import { connectNotice, connectProblem } from './problems';

/** `/oauth/client.json` and `/oauth/client/{id}.json`, below `/oauth`: the gate's own client metadata documents. */
export const clientDocumentRoutes = new Hono<{ Bindings: Env }>()
  .get('/client.json', (c) => showDocument(c))
  .get('/client/:id{[\\w-]+\\.json}', (c) => showDocument(c, c.req.param('id').replace(/\.json$/, '')));

/** `/connect`: attach one's own account on a server. */
export const connectPages = new Hono<{ Bindings: Env }>()
  .get('/callback', comeBack)
  .get('/callback/:id', comeBack)
  .get('/:server', async (c) => {
    const id = c.req.query('flow');
    if (id === undefined) return openAt(c, await ticketOf(c));
    const flow = await findConnect(c, id);
    const whose = await whoConnects(c, flow, serverOf(c, flow.data.server));
    if ('person' in whose) return showConnect(c, flow, whose.person, whose.server);
    return whose.first === 'code' ? askCode(c, flow, whose.server) : showSignIn(c, flow);
  })
  .post('/:server', async (c) => {
    const id = c.req.query('flow');
    if (id === undefined) return openAt(c, {});
    const flow = await findConnect(c, id);
    const whose = await whoConnects(c, flow, serverOf(c, flow.data.server));
    if (!('person' in whose))
      return whose.first === 'code' ? takeCode(c, flow, whose.server) : showSignIn(c, flow);
    const { person, server } = whose;
    const form = await readPost(c, flow, person.userId);
    if (server.auth === 'oauth') return goToProvider(c, flow, person, server);
    const checked = await checkKey(c, server, form.get('key') ?? '', tryCredential);
    if (checked.ok)
      return keep(c, flow, person, server, { credential: checked.value, place: placeOf(server) });
    const { reason } = checked.error;
    record(c, { event: 'connection', outcome: 'refused', reason, ...aboutUser(person, server) });
    return showConnect(c, flow, person, server, connectNotice(titleOf(server), reason));
  });

async function showDocument(c: Context, id?: string): Promise<Response> {
  const document = await clientDocument(deploymentOf(c), id);
  return document ? c.json(document, 200, { 'Cache-Control': 'public, max-age=3600' }) : c.notFound();
}

/**
 * Opens a flow for a link or an address, in this browser; the ticket leaves the address bar with it. Whether there is
 * a server of that name isn't said before it is known who asks.
 */
async function openAt(c: Context, ticket: Partial<Ticket>): Promise<Response> {
  const server = c.req.param('server') ?? '';
  if (!isSettingName(server)) throw new PageProblem('not_found');
  if (ticket.user === undefined) await requireUsableHere(c, serverOf(c, server));
  const id = await openFlow(c, (flowId): ConnectFlow => {
    const return_to = `/connect/${server}?flow=${flowId}`;
    return { kind: 'connect', server, return_to, ...ticket };
  });
  return c.redirect(`/connect/${server}?flow=${id}`, 303);
}

async function ticketOf(c: Context): Promise<Partial<Ticket>> {
  const ticket = c.req.query('ticket');
  if (ticket === undefined) return {};
  const read = await readTicket(deploymentOf(c), c.req.param('server') ?? '', ticket);
  if (read.ok) return read.value;
  const expired = read.error.reason === 'ticket_expired';
  throw new PageProblem(expired ? 'connect_link_expired' : 'connect_link_unknown');
}

/** The form of this flow's own page. `userId`: who it was shown to, where that is known. */
async function readPost(c: Context, flow: Flow<ConnectFlow>, userId?: string): Promise<URLSearchParams> {
  const form = await readPageForm(c);
  if (!(await flow.checkCsrf(form.get('csrf'), userId))) throw new PageProblem('form_forged');
  return form;
}

async function findConnect(c: Context, id: string): Promise<Flow<ConnectFlow>> {
  const flow = await requireFlow(c, id, c.req.method === 'POST');
  if (!isConnectFlow(flow) || flow.data.server !== c.req.param('server'))
    throw new PageProblem('flow_unknown');
  return flow;
}

function serverOf(c: Context, name: string): ConnectedServer | undefined {
  const server = deploymentOf(c).settings.servers.find((one) => one.name === name);
  return server && needsConnection(server) ? server : undefined;
}

/** Asks for the code that the visitor's app shows. */
async function askCode(
  c: Context,
  flow: Flow<ConnectFlow>,
  server: ConnectedServer,
  notice?: string,
): Promise<Response> {
  const page = (
    <CodePage
      branding={brandingOf(deploymentOf(c))}
      server={titleOf(server)}
      action={flow.data.return_to}
      hidden={{ csrf: await flow.csrf() }}
      notice={notice}
    />
  );
  return showPage(c, page, { status: notice === undefined ? 200 : 400 });
}

async function takeCode(c: Context, flow: Flow<ConnectFlow>, server: ConnectedServer): Promise<Response> {
  const form = await readPost(c, flow);
  const confirmed = await confirmCode(c, flow, form.get('user_code') ?? '');
  return confirmed
    ? c.redirect(flow.data.return_to, 303)
    : askCode(c, flow, server, words.connection.code.wrong);
}

async function showConnect(
  c: Context,
  flow: Flow<ConnectFlow>,
  person: Connecting,
  server: ConnectedServer,
  notice?: string,
): Promise<Response> {
  const [standing] = await connectionsNeeded(c, person.userId, [server]);
  const page = (
    <ConnectServerPage
      branding={brandingOf(deploymentOf(c))}
      server={titleOf(server)}
      description={server.description}
      auth={server.auth}
      status={standing?.status ?? 'not_connected'}
      user={person.identity}
      byCode={person.byCode}
      action={flow.data.return_to}
      hidden={{ csrf: await flow.csrf(person.userId) }}
      switchAccount={{ action: '/sign-out', hidden: { flow: flow.id } }}
      notice={notice}
    />
  );
  return showPage(c, page, { formAction: 'open', status: notice === undefined ? 200 : 400 });
}

async function goToProvider(
  c: Context,
  flow: Flow<ConnectFlow>,
  person: Connecting,
  server: ConnectedServer,
): Promise<Response> {
  const begun = await beginConnect(c, flow, person.userId, server);
  if (begun.ok) return c.redirect(begun.value, 303);
  record(c, { event: 'connection', outcome: 'refused', ...begun.error, ...aboutUser(person, server) });
  throw connectProblem(server, begun.error, flow.data.return_to);
}

/** The provider sends the browser back: for a flow of this room, or for an authorization that waits. */
async function comeBack(c: Context): Promise<Response> {
  const deployment = deploymentOf(c);
  const answer = new URL(c.req.url);
  const [state = '', ...more] = answer.searchParams.getAll('state');
  const flow = await requireFlow(c, stateFlowId(state), true);
  const transaction = more.length === 0 ? await takeTransaction(flow, state) : undefined;
  if (!transaction) {
    record(c, { event: 'connection', outcome: 'refused', reason: 'state_mismatch' });
    // A reload of what came of it before, most likely: what began it is still there.
    const detail = 'no connection is under way in it with this state';
    throw new PageProblem('flow_unknown', { detail, action: tryAgain(flow) });
  }
  const server = serverOf(c, transaction.server);
  if (!server || placeOf(server) !== transaction.place) throw new PageProblem('not_found');
  const whose = await whoConnects(c, flow, server);
  if (!('person' in whose) || whose.person.userId !== transaction.user) {
    const about = titleOf(server);
    throw new PageProblem('connect_other_person', { about, action: tryAgain(flow) });
  }
  const { person } = whose;
  const account = accountOf(deployment.env, person.userId);
  const finished = await finishConnect(deployment, server, transaction, answer);
  if (!finished.ok) {
    record(c, { event: 'connection', outcome: 'refused', ...finished.error, ...aboutUser(person, server) });
    await account.beginConnecting(server.name, 0);
    const back = transaction.return_to ?? backOf(flow);
    if (back === undefined) throw connectProblem(server, finished.error, flow.data.return_to);
    await stageOutcome(flow, server.name, finished.error);
    return c.redirect(back, 303);
  }
  const obtained = { credential: finished.value, place: transaction.place };
  if (transaction.return_to !== undefined) {
    const staged = await stageObtained(flow, person.userId, obtained);
    if (!staged.ok) throw new PageProblem(staged.error.reason);
    await account.beginConnecting(server.name, 0);
    return c.redirect(transaction.return_to, 303);
  }
  return keep(c, flow, person, server, obtained);
}

function tryAgain({ data }: Flow) {
  return { label: words.connection.again, href: data.return_to };
}

/** Where the person hears that it came to nothing, if they came from a page of ours. */
function backOf({ id, data }: Flow): string | undefined {
  const { back } = data as ConnectFlow;
  return back === undefined ? undefined : `${back}${back.includes('?') ? '&' : '?'}flow=${id}`;
}

/** Ends the flow, the first one wins, and keeps what was obtained. */
async function keep(
  c: Context,
  flow: Flow,
  person: Connecting,
  server: ConnectedServer,
  obtained: Obtained,
): Promise<Response> {
  const submitted = await flow.submit();
  if (!submitted.ok) throw new PageProblem(submitted.error.reason);
  await accountOf(c.env, person.userId).storeConnections([obtained]);
  await keepVisitor(deploymentOf(c), person);
  record(c, { event: 'connection', outcome: 'ok', ...aboutUser(person, server) });
  const { back } = flow.data as ConnectFlow;
  if (back !== undefined) return c.redirect(back, 303);
  return showPage(c, <ConnectedPage branding={brandingOf(deploymentOf(c))} server={titleOf(server)} />);
}
