import { record } from '../../audit';
import { deploymentOf, titleOf } from '../../config';
import {
  beginConnect,
  type ConnectableAccount,
  type ConnectFlow,
  checkKey,
  connectableAccountOf,
  connectNotice,
  isWithinKey,
  serversOfSignIn,
  takeOutcome,
} from '../../connections';
import { findFlow, startFlow } from '../../flow';
import { ok } from '../../result';
import { keepVisitor } from '../../sign-in';
import { brandingOf, type PageResult, refusePage, showPage } from '../../ui';
import { type ConnectedServer, needsConnection, placeOf } from '../../upstream';
import { accountFields, readAccountForm, readFrom } from '../shared/pages';
import { actorOf, ownAccount, type PersonContext } from '../shared/person';
import { endOwnConnection, listOwnConnections } from './own';
import { ConnectionsPage } from './page';

const PATH = '/account/connections';

/** What the page says above the list, and the status that it has with it. */
interface Notice {
  text: string;
  status: number;
}

/** `GET /account/connections`: one's own accounts at the servers. */
export async function showConnections(c: PersonContext): Promise<Response> {
  return renderConnections(c, await noticeOf(c));
}

/** `POST /account/connections`: `connect` or `disconnect` names the server; `not_found` when it isn't there. */
export async function changeConnection(c: PersonContext): Promise<PageResult> {
  const form = await readAccountForm(c);
  if (!form.ok) return form;
  const ended = form.value.get('disconnect');
  if (ended !== null) return disconnect(c, ended);
  const named = form.value.get('connect');
  const usable = serversOfSignIn(deploymentOf(c).settings, c.var.person);
  const server = usable.find(({ name }) => name === named);
  if (!server || !needsConnection(server)) return refusePage('not_found');
  if (server.auth === 'oauth') return goToProvider(c, server);
  return keepKey(c, server, form.value.get('key') ?? '');
}

async function disconnect(c: PersonContext, name: string): Promise<PageResult> {
  if (!isWithinKey(name, c.var.person.key)) return refusePage('not_found');
  await endOwnConnection(c, name);
  return ok(c.redirect(pathOf(c), 303));
}

async function goToProvider(c: PersonContext, server: ConnectedServer): Promise<PageResult> {
  const { userId: user } = c.var.person;
  const flow = await startFlow(c, (id): ConnectFlow => {
    const return_to = `/connect/${server.name}?flow=${id}`;
    return { kind: 'connect', server: server.name, user, return_to, back: pathOf(c) };
  });
  if (!flow.ok) return flow;
  const begun = await beginConnect(c, flow.value, { user, server });
  if (begun.ok) return ok(c.redirect(begun.value, 303));
  record(c, { event: 'connection', outcome: 'refused', ...begun.error, ...actorOf(c), server: server.name });
  const text = connectNotice(titleOf(server), begun.error.reason);
  return ok(await renderConnections(c, { text, status: 502 }));
}

async function keepKey(c: PersonContext, server: ConnectedServer, typed: string): Promise<PageResult> {
  const { person } = c.var;
  const about = { ...actorOf(c), server: server.name };
  const checked = await checkKey(c, server, typed);
  if (!checked.ok) {
    const { reason } = checked.error;
    record(c, { event: 'connection', outcome: 'refused', reason, ...about });
    const text = connectNotice(titleOf(server), reason);
    return ok(await renderConnections(c, { text, status: 400 }));
  }
  await ownAccount(c).storeConnections([{ credential: checked.value, place: placeOf(server) }]);
  await keepVisitor(deploymentOf(c), person);
  record(c, { event: 'connection', outcome: 'ok', ...about });
  return ok(c.redirect(pathOf(c), 303));
}

async function renderConnections(c: PersonContext, notice?: Notice): Promise<Response> {
  const page = (
    <ConnectionsPage
      branding={brandingOf(deploymentOf(c))}
      accounts={await accountsOf(c)}
      from={readFrom(c)}
      action={pathOf(c)}
      hidden={await accountFields(c)}
      notice={notice?.text}
    />
  );
  return showPage(c, page, { formAction: 'open', status: notice?.status ?? 200 });
}

/** The part of the list that is shown: its forms come back to it. */
function pathOf(c: PersonContext): string {
  const from = readFrom(c);
  return from === 0 ? PATH : `${PATH}?from=${from}`;
}

/** Those at which the person may have an account, then what is left of others. */
async function accountsOf(c: PersonContext): Promise<ConnectableAccount[]> {
  const { needed, orphans } = await listOwnConnections(c);
  const rest = orphans.map(
    ({ server, auth }): ConnectableAccount => ({ name: server, title: server, auth, status: 'orphaned' }),
  );
  return [...needed.map(connectableAccountOf), ...rest];
}

/** Why a connection that was begun here failed; the flow in the address is where that waits. */
async function noticeOf(c: PersonContext): Promise<Notice | undefined> {
  const flow = await findFlow(c, c.req.query('flow'), { touch: false });
  const outcome = flow.ok && (await takeOutcome(flow.value));
  if (!outcome) return undefined;
  const server = deploymentOf(c).settings.servers.find(({ name }) => name === outcome.server);
  return { text: connectNotice(server?.title ?? outcome.server, outcome.reason), status: 200 };
}
