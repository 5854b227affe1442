import { type Context, Hono } from 'hono';
import { accountOf } from '../../account';
import { record } from '../../audit';
import { deploymentOf, titleOf } from '../../config';
import {
  beginConnect,
  type ConnectableAccount,
  type ConnectFlow,
  checkKey,
  connectNotice,
  isWithinKey,
  orphansOf,
  serversOf,
  serviceOf,
  standingOf,
  type TryCredential,
  takeOutcome,
} from '../../connections';
import { findFlow, openFlow, startFlow } from '../../flow';
import { currentSignIn, keepVisitor, type SignedIn } from '../../sign-in';
import { brandingOf, PageProblem, showPage, toPage } from '../../ui';
import { type ConnectedServer, needsConnection, placeOf } from '../../upstream';
import { accountFields, readAccountForm } from '../shared/account-form';
import { endConnection } from './end';
import { ConnectionsPage } from './page';

const PATH = '/account/connections';

/** `/account/connections`: one's own accounts at the servers behind, to connect, replace and end. */
export const connectionPages = (tryCredential: TryCredential) =>
  new Hono<{ Bindings: Env }>()
    .get(PATH, async (c) => {
      const person = await currentSignIn(c);
      if (person) return showConnections(c, person, await noticeOf(c));
      const flow = await openFlow(c, () => ({ kind: 'sign-in', return_to: PATH }));
      return c.redirect(`/sign-in?flow=${flow}`, 303);
    })
    .post(PATH, async (c) => {
      const { person, form } = await readAccountForm(c, currentSignIn);
      const ended = form.get('disconnect');
      if (ended !== null) {
        if (!isWithinKey(ended, person.key)) throw new PageProblem('not_found');
        await endConnection(c, person.userId, ended);
        return c.redirect(hereOf(c), 303);
      }
      const server = serversOf(deploymentOf(c).settings, person).find(
        ({ name }) => name === form.get('connect'),
      );
      if (!server || !needsConnection(server)) throw new PageProblem('not_found');
      if (server.auth === 'oauth') return goToProvider(c, person, server);
      return keepKey(c, person, server, form.get('key') ?? '', tryCredential);
    });

async function goToProvider(c: Context, person: SignedIn, server: ConnectedServer): Promise<Response> {
  const flow = await startFlow(c, (id): ConnectFlow => {
    const return_to = `/connect/${server.name}?flow=${id}`;
    return { kind: 'connect', server: server.name, user: person.userId, return_to, back: hereOf(c) };
  });
  if (!flow.ok) return toPage(c, flow.error);
  const begun = await beginConnect(c, flow.value, { user: person.userId, server });
  if (begun.ok) return c.redirect(begun.value, 303);
  const about = { user: person.userId, server: server.name };
  record(c, { event: 'connection', outcome: 'refused', ...begun.error, ...about });
  const notice = connectNotice(titleOf(server), begun.error.reason);
  return showConnections(c, person, { text: notice, status: 502 });
}

async function keepKey(
  c: Context,
  person: SignedIn,
  server: ConnectedServer,
  typed: string,
  tryCredential: TryCredential,
): Promise<Response> {
  const about = { user: person.userId, server: server.name };
  const checked = await checkKey(c, server, typed, tryCredential);
  if (!checked.ok) {
    const { reason } = checked.error;
    record(c, { event: 'connection', outcome: 'refused', reason, ...about });
    return showConnections(c, person, {
      text: connectNotice(titleOf(server), reason),
      status: 400,
    });
  }
  const obtained = { credential: checked.value, place: placeOf(server) };
  await accountOf(c.env, person.userId).storeConnections([obtained]);
  await keepVisitor(deploymentOf(c), person);
  record(c, { event: 'connection', outcome: 'ok', ...about });
  return c.redirect(hereOf(c), 303);
}

/** What a person hears above the list, and the status that the page has with it. */
interface Told {
  text: string;
  status: number;
}

async function showConnections(c: Context, person: SignedIn, told?: Told): Promise<Response> {
  const deployment = deploymentOf(c);
  const page = (
    <ConnectionsPage
      branding={brandingOf(deployment)}
      services={await servicesOf(c, person)}
      from={fromOf(c)}
      action={hereOf(c)}
      hidden={await accountFields(c, person)}
      notice={told?.text}
    />
  );
  return showPage(c, page, { formAction: 'open', status: told?.status ?? 200 });
}

function fromOf(c: Context): number {
  return Math.max(0, Number.parseInt(c.req.query('from') ?? '', 10) || 0);
}

/** The part of the list that is at hand: who does something there comes back to it. */
function hereOf(c: Context): string {
  const from = fromOf(c);
  return from === 0 ? PATH : `${PATH}?from=${from}`;
}

/** Those at which the person may have an account, then what is left of others. */
async function servicesOf(c: Context, person: SignedIn): Promise<ConnectableAccount[]> {
  const servers = serversOf(deploymentOf(c).settings, person);
  const held = await accountOf(c.env, person.userId).listConnections();
  const orphans = orphansOf(servers, held)
    .filter(({ server }) => isWithinKey(server, person.key))
    .map(
      ({ server, auth }): ConnectableAccount => ({ name: server, title: server, auth, status: 'orphaned' }),
    );
  return [...standingOf(servers, held).map(serviceOf), ...orphans];
}

/** Why a connection that was begun here came to nothing; the flow in the address is where that waits. */
async function noticeOf(c: Context): Promise<Told | undefined> {
  const flow = await findFlow(c, c.req.query('flow'), { touch: false });
  const outcome = flow.ok && (await takeOutcome(flow.value));
  if (!outcome) return undefined;
  const server = deploymentOf(c).settings.servers.find(({ name }) => name === outcome.server);
  return { text: connectNotice(server?.title ?? outcome.server, outcome.reason), status: 200 };
}
