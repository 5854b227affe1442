import type { Context } from 'hono';
import { usableServers } from '../../account';
import { record } from '../../audit';
import { deploymentOf, titleOf } from '../../config';
import {
  beginConnect,
  checkKey,
  connectionsNeeded,
  connectNotice,
  type NeededConnection,
  serviceOf,
  stageObtained,
  type TryCredential,
  takeOutcome,
} from '../../connections';
import type { Flow } from '../../flow';
import { brandingOf, PageProblem, showPage, words } from '../../ui';
import { type ConnectedServer, placeOf } from '../../upstream';
import type { AuthorizationFlow, Person } from '../authorize/request';
import { type Choice, type Ending, finishAuthorization, stagedChoice } from './choice';
import { ServicesPage } from './services-page';

/** The value of `step` in the address of the page after consent. */
const SERVICES_STEP = 'services';

export function isAtServices(c: Context): boolean {
  return c.req.query('step') === SERVICES_STEP;
}

/** What a person hears above the list, and the status that the page has with it. */
interface Told {
  text: string;
  status: number;
}

export function servicesPath(flow: Flow<AuthorizationFlow>): string {
  return `${flow.data.return_to}&step=${SERVICES_STEP}`;
}

/** Of what was chosen: the servers at which the person needs an account of their own, and how each stands. */
export function servicesOf(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  { servers }: Choice,
): Promise<NeededConnection[]> {
  const usable = usableServers(deploymentOf(c).settings, person.identity);
  const chosen = usable.filter(({ name }) => servers.includes(name));
  return connectionsNeeded(c, person.userId, chosen, flow);
}

/** The page after consent. Who hasn't allowed anything yet goes there first. */
export async function showServices(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  told?: Told,
): Promise<Response> {
  const allowed = await stagedChoice(flow, person);
  if (!allowed) return c.redirect(flow.data.return_to, 303);
  const needed = await servicesOf(c, flow, person, allowed.choice);
  const { identity } = person;
  const page = (
    <ServicesPage
      branding={brandingOf(deploymentOf(c))}
      client={flow.data.client.name}
      user={{ name: identity.name, email: identity.email }}
      services={needed.map(serviceOf)}
      action={servicesPath(flow)}
      hidden={{ csrf: await flow.csrf(person.userId) }}
      switchAccount={{ action: '/sign-out', hidden: { flow: flow.id } }}
      consent={flow.data.return_to}
      notice={told?.text ?? (await outcomeOf(flow, needed))}
    />
  );
  return showPage(c, page, { formAction: 'open', status: told?.status ?? 200 });
}

/** Takes a button of that page: off to a service's provider, a key, or back to the client. */
export async function decideServices(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  form: URLSearchParams,
  tryCredential: TryCredential,
  ending: Ending,
): Promise<Response> {
  const allowed = await stagedChoice(flow, person);
  if (!allowed) return c.redirect(flow.data.return_to, 303);
  const { choice } = allowed;
  const decision = form.get('decision');
  if (decision === 'finish' || decision === 'skip')
    return finishAuthorization(c, flow, person, choice, ending);
  const name = form.get('connect');
  if (name === null)
    return showServices(c, flow, person, { text: words.services.decisionMissing, status: 400 });
  // Only what this client was allowed: nobody is sent on to connect for one that they didn't consent to.
  const needed = await servicesOf(c, flow, person, choice);
  const server = needed.find((one) => one.server.name === name)?.server;
  if (!server) throw new PageProblem('not_found');
  if (server.auth === 'oauth') return goToProvider(c, flow, person, server);
  return takeKey(c, flow, person, server, form.get('key') ?? '', tryCredential);
}

async function goToProvider(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  server: ConnectedServer,
): Promise<Response> {
  const begun = await beginConnect(c, flow, {
    user: person.userId,
    server,
    returnTo: servicesPath(flow),
  });
  if (begun.ok) return c.redirect(begun.value, 303);
  return tellRefusal(c, flow, person, server, begun.error, 502);
}

async function takeKey(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  server: ConnectedServer,
  typed: string,
  tryCredential: TryCredential,
): Promise<Response> {
  const checked = await checkKey(c, server, typed, tryCredential);
  if (!checked.ok) return tellRefusal(c, flow, person, server, checked.error, 400);
  const obtained = { credential: checked.value, place: placeOf(server) };
  const staged = await stageObtained(flow, person.userId, obtained);
  if (!staged.ok) throw new PageProblem(staged.error.reason);
  return c.redirect(servicesPath(flow), 303);
}

function tellRefusal(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  server: ConnectedServer,
  refusal: { reason: Parameters<typeof connectNotice>[1]; detail?: string },
  status: number,
): Promise<Response> {
  const who = { user: person.userId, client: flow.data.client.client_id, server: server.name };
  record(c, { event: 'connection', outcome: 'refused', ...refusal, ...who });
  const text = connectNotice(titleOf(server), refusal.reason);
  return showServices(c, flow, person, { text, status });
}

/** Why the connection that was just tried came to nothing, if it did. */
async function outcomeOf(flow: Flow, needed: NeededConnection[]): Promise<string | undefined> {
  const outcome = await takeOutcome(flow);
  const server = needed.find((one) => one.server.name === outcome?.server)?.server;
  return outcome && connectNotice(server?.title ?? outcome.server, outcome.reason);
}
