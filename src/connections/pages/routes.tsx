import { type Context, Hono } from 'hono';
import { record } from '../../audit';
import { deploymentOf, isSettingName, titleOf } from '../../config';
import { type Flow, findFlow, startFlow } from '../../flow';
import { ok } from '../../result';
import { readFlowForm, showSignIn } from '../../sign-in';
import { answerPage, brandingOf, type PageResult, refusePage, showPage, words } from '../../ui';
import { type ConnectedServer, needsConnection, placeOf } from '../../upstream';
import { checkKey } from '../client/api-key';
import { clientDocument } from '../client/client';
import { connectionsNeeded } from '../client/needed';
import { beginConnect } from '../client/oauth';
import { readTicket, type Ticket } from '../client/ticket';
import { comeBack, keepConnection } from './callback';
import { CodePage, ConnectServerPage } from './connect-page';
import {
  aboutUser,
  type ConnectFlow,
  type ConnectionAttempt,
  checkUsableHere,
  confirmCode,
  findConnectStep,
  isConnectFlow,
} from './person';
import { connectNotice, connectProblem } from './problems';

/** `/oauth/client.json` and `/oauth/client/{id}.json`, below `/oauth`: the gate's own client metadata documents. */
export const clientDocumentRoutes = new Hono<{ Bindings: Env }>()
  .get('/client.json', (c) => showDocument(c))
  .get('/client/:id{[\\w-]+\\.json}', (c) => showDocument(c, c.req.param('id').replace(/\.json$/, '')));

/** `/connect`: a person connects their own account at a server. */
export const connectPages = new Hono<{ Bindings: Env }>()
  .get('/callback', async (c) => answerPage(c, await comeBack(c)))
  .get('/callback/:id', async (c) => answerPage(c, await comeBack(c)))
  .get('/:server', async (c) => answerPage(c, await show(c)))
  .post('/:server', async (c) => answerPage(c, await take(c)));

async function showDocument(c: Context, id?: string): Promise<Response> {
  const document = await clientDocument(deploymentOf(c), id);
  return document ? c.json(document, 200, { 'Cache-Control': 'public, max-age=3600' }) : c.notFound();
}

/** `GET /connect/{server}`: without a flow it opens one, for the link's `ticket` if there is one. */
async function show(c: Context): Promise<PageResult> {
  const id = c.req.query('flow');
  if (id === undefined) {
    const ticket = await ticketOf(c);
    return ticket.ok ? openAt(c, ticket.value) : ticket;
  }
  const found = await findConnect(c, id);
  if (!found.ok) return found;
  const flow = found.value;
  const next = await findConnectStep(c, flow, serverOf(c, flow.data.server));
  if (!next.ok) return next;
  switch (next.value.step) {
    case 'sign_in':
      return ok(await showSignIn(c, flow));
    case 'code':
      return ok(await askCode(c, flow, next.value.server));
    case 'connect':
      return ok(await showConnect(c, next.value.attempt));
  }
}

/** `POST /connect/{server}`: takes the form of the flow's page, which is the code or the connection itself. */
async function take(c: Context): Promise<PageResult> {
  const id = c.req.query('flow');
  if (id === undefined) return openAt(c, {});
  const found = await findConnect(c, id);
  if (!found.ok) return found;
  const flow = found.value;
  const next = await findConnectStep(c, flow, serverOf(c, flow.data.server));
  if (!next.ok) return next;
  switch (next.value.step) {
    case 'sign_in':
      return ok(await showSignIn(c, flow));
    case 'code':
      return takeCode(c, flow, next.value.server);
    case 'connect':
      return takeConnect(c, next.value.attempt);
  }
}

/**
 * Opens a flow for a link or an address, in this browser, which takes the ticket out of the address bar. Whether there
 * is a server of that name is not shown before it is known who asks.
 */
async function openAt(c: Context, ticket: Partial<Ticket>): Promise<PageResult> {
  const server = c.req.param('server') ?? '';
  if (!isSettingName(server)) return refusePage('not_found');
  const usable = ticket.user === undefined ? await checkUsableHere(c, serverOf(c, server)) : ok(null);
  if (!usable.ok) return usable;
  const flow = await startFlow(c, (flowId): ConnectFlow => {
    const return_to = `/connect/${server}?flow=${flowId}`;
    return { kind: 'connect', server, return_to, ...ticket };
  });
  return flow.ok ? ok(c.redirect(flow.value.data.return_to, 303)) : flow;
}

/** What the link says; nothing when it has no ticket. */
async function ticketOf(c: Context): Promise<PageResult<Partial<Ticket>>> {
  const ticket = c.req.query('ticket');
  if (ticket === undefined) return ok({});
  const read = await readTicket(deploymentOf(c), c.req.param('server') ?? '', ticket);
  if (read.ok) return read;
  const expired = read.error.reason === 'ticket_expired';
  return refusePage(expired ? 'connect_link_expired' : 'connect_link_unknown');
}

/** The flow that the address names; `flow_unknown` when it isn't one of this server's page. */
async function findConnect(c: Context, id: string): Promise<PageResult<Flow<ConnectFlow>>> {
  const found = await findFlow(c, id, { touch: c.req.method === 'POST' });
  if (!found.ok) return found;
  const flow: Flow = found.value;
  const isHere = isConnectFlow(flow) && flow.data.server === c.req.param('server');
  return isHere ? ok(flow) : refusePage('flow_unknown');
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

async function takeCode(c: Context, flow: Flow<ConnectFlow>, server: ConnectedServer): Promise<PageResult> {
  const form = await readFlowForm(c, flow);
  if (!form.ok) return form;
  const confirmed = await confirmCode(c, flow, form.value.get('user_code') ?? '');
  if (!confirmed.ok) return confirmed;
  return ok(
    confirmed.value === 'confirmed'
      ? c.redirect(flow.data.return_to, 303)
      : await askCode(c, flow, server, words.connection.code.wrong),
  );
}

/** The page with the button, or the field for a key. `notice`: what was wrong with the key just sent. */
async function showConnect(c: Context, attempt: ConnectionAttempt, notice?: string): Promise<Response> {
  const { flow, person, server } = attempt;
  const [needed] = await connectionsNeeded(c, person.userId, [server]);
  const page = (
    <ConnectServerPage
      branding={brandingOf(deploymentOf(c))}
      server={titleOf(server)}
      description={server.description}
      auth={server.auth}
      status={needed?.status ?? 'not_connected'}
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

async function takeConnect(c: Context, attempt: ConnectionAttempt): Promise<PageResult> {
  const { flow, person, server } = attempt;
  const form = await readFlowForm(c, flow, person.userId);
  if (!form.ok) return form;
  if (server.auth === 'oauth') return goToProvider(c, attempt);
  const checked = await checkKey(c, server, form.value.get('key') ?? '');
  if (checked.ok) return keepConnection(c, attempt, { credential: checked.value, place: placeOf(server) });
  const { reason } = checked.error;
  record(c, { event: 'connection', outcome: 'refused', reason, ...aboutUser(person, server) });
  return ok(await showConnect(c, attempt, connectNotice(titleOf(server), reason)));
}

async function goToProvider(c: Context, { flow, person, server }: ConnectionAttempt): Promise<PageResult> {
  const begun = await beginConnect(c, flow, { user: person.userId, server });
  if (begun.ok) return ok(c.redirect(begun.value, 303));
  record(c, { event: 'connection', outcome: 'refused', ...begun.error, ...aboutUser(person, server) });
  return { ok: false, error: connectProblem(server, begun.error, flow.data.return_to) };
}
