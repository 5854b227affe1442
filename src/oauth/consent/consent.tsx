import type { Context } from 'hono';
import {
  type Identity,
  includedScopes,
  SCOPES,
  type Scope,
  scopesWithin,
  usableServers,
} from '../../account';
import { record } from '../../audit';
import { seconds } from '../../clock';
import { type Deployment, deploymentOf, type ServerSetting } from '../../config';
import { expiryChoice, readExpiry } from '../../expiry';
import { type Flow, showUserCode } from '../../flow';
import { parseResource } from '../../resource';
import { ok, type Result, refuse } from '../../result';
import { brandingOf, PageProblem, showPage, words } from '../../ui';
import type { ServerTools } from '../../upstream';
import { longestWithinKey, scopesWithinKey, serversWithinKey } from '../authorize/key-cap';
import type { AuthorizationFlow, AuthorizationRequest, Person } from '../authorize/request';
import { type CheckedRedirectUri, describeRedirect } from '../clients/redirect-uri';
import { describeSource } from '../device/authorization';
import { errorRedirect } from '../protocol/library';
import { type Choice, type Ending, finishAuthorization, stageChoice, stagedChoice } from './choice';
import { servicesOf, servicesPath } from './connect-accounts';
import { ConsentPage, type ConsentProps, type ConsentScope } from './page';
import type { ConsentServer } from './servers';

/** The gate's own tools by the scope they need, as `gateway/` names them: titles, for the consent page. */
const OWN_TOOLS: Record<Scope, string[]> = {
  'mcp:read': [words.consent.whoami],
  'mcp:write': [],
  'mcp:destructive': [],
};

/** Finds what servers offer a person, by name; those that don't tell are not there. `gateway/` does it. */
export type SurveyTools = (
  c: Context,
  servers: ServerSetting[],
  person: Person,
) => Promise<Map<string, ServerTools>>;

/**
 * The consent page of a flow, for the person signed in. `wrong`: what was wrong with the form just sent. Who comes
 * back to it from the services page finds what they ticked.
 */
export async function showConsent(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  survey: SurveyTools,
  wrong?: { notice: string; form: URLSearchParams },
): Promise<Response> {
  const deployment = deploymentOf(c);
  const again = wrong ?? (await stagedChoice(flow, person));
  const { client, request, asked } = flow.data;
  const { host: redirectHost, loopback } = describeRedirect(request.redirect_uri as CheckedRedirectUri);
  const csrf = await flow.csrf(person.userId);
  const tools = await survey(c, serversInReach(deployment, flow.data, person), person);
  const page = (
    <ConsentPage
      branding={brandingOf(deployment)}
      action={flow.data.return_to}
      hidden={{ csrf }}
      client={{
        name: client.name,
        redirectHost,
        loopback,
        ...(client.domain === undefined ? {} : { domain: client.domain }),
      }}
      {...describeDevice(c, flow.data)}
      user={describeUser(person.identity)}
      switchAccount={{ action: '/sign-out', hidden: { flow: flow.id } }}
      scopes={offeredScopes(deployment, flow.data, person, again?.form)}
      servers={offeredServers(deployment, flow.data, person, tools, again?.form)}
      expires={expiryChoice(longestFor(deployment, person), again?.form.get('expires'))}
      destructiveAsked={asked.includes('mcp:destructive')}
      {...(wrong === undefined ? {} : { notice: wrong.notice })}
    />
  );
  return showPage(c, page, { formAction: 'open', status: wrong ? 400 : 200 });
}

/**
 * Takes the person's answer: on to the services that they have yet to connect, to its ending, or the page again.
 */
export async function decide(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  survey: SurveyTools,
  form: URLSearchParams,
  ending: Ending,
): Promise<Response> {
  const deployment = deploymentOf(c);
  const { client } = flow.data;
  const who = { user: person.userId, client: client.client_id };
  if (form.get('decision') === 'deny') {
    await mustSubmit(flow);
    record(c, { event: 'consent', outcome: 'refused', reason: 'access_denied', ...who });
    return ending.denied();
  }
  const choice = readChoice(form, flow.data, person, deployment);
  if (!choice.ok) return showConsent(c, flow, person, survey, { notice: NOTICES[choice.error.reason], form });
  const services = await servicesOf(c, flow, person, choice.value);
  if (services.every(({ status }) => status === 'connected')) {
    return finishAuthorization(c, flow, person, choice.value, ending);
  }
  await stageChoice(flow, person, choice.value, form);
  return c.redirect(servicesPath(flow), 303);
}

/** Back to the client, with a code or `access_denied`. */
export function backToClient(c: Context, { request }: AuthorizationFlow): Ending {
  const { origin } = deploymentOf(c);
  return {
    denied: () => c.redirect(errorRedirect(request, origin, 'access_denied', 'The person declined'), 303),
    allowed: (redirectTo) => c.redirect(redirectTo, 303),
  };
}

/** The code to compare, where the request came from, and whether that is another network than this browser's. */
function describeDevice(c: Context, { device }: AuthorizationFlow): Pick<ConsentProps, 'device'> {
  if (!device) return {};
  const { address, place } = device.from;
  const here = describeSource(deploymentOf(c), c.req.raw).address;
  const from = place === undefined ? address : `${address} (${place})`;
  const elsewhere = address !== undefined && here !== undefined && network(address) !== network(here);
  const userCode = showUserCode(device.user_code);
  return { device: { userCode, elsewhere, ...(from === undefined ? {} : { from }) } };
}

/** The part of an address that a household shares: all of IPv4, the first half of IPv6. */
function network(address: string): string {
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address;
}

type ChoiceRefusal = 'decision_missing' | 'scope_missing' | 'server_missing' | 'expires_invalid';

const NOTICES: Record<ChoiceRefusal, string> = {
  decision_missing: words.consent.decisionMissing,
  scope_missing: words.consent.scopeMissing,
  server_missing: words.consent.serverMissing,
  expires_invalid: words.consent.expiresInvalid,
};

/** What was ticked, held to what the person, the client and the resource allow. */
function readChoice(
  form: URLSearchParams,
  flow: AuthorizationRequest,
  person: Person,
  deployment: Deployment,
): Result<Choice, { reason: ChoiceRefusal }> {
  if (form.get('decision') !== 'allow') return refuse('decision_missing');
  const ticked = includedScopes(form.getAll('scope'));
  const scope = grantableScopes(flow, person).filter((name) => ticked.includes(name));
  if (scope.length === 0) return refuse('scope_missing');
  const expires_at = readExpiry(form.get('expires'), longestFor(deployment, person));
  if (expires_at === undefined) return refuse('expires_invalid');
  const tickedServers = form.getAll('server');
  const inReach = serversInReach(deployment, flow, person).map(({ name }) => name);
  const servers = inReach.filter((name) => tickedServers.includes(name));
  // A grant for one server's own resource is worth nothing without it.
  if (servers.length === 0 && serverOf(deployment, flow) !== undefined) return refuse('server_missing');
  return ok({ scope, servers, expires_at });
}

/** The servers that a grant for this resource can hold: one server's own, or all that the person may use. */
function serversInReach(
  deployment: Deployment,
  { request }: AuthorizationRequest,
  { identity, key }: Person,
): ServerSetting[] {
  const usable = serversWithinKey(usableServers(deployment.settings, identity), key);
  const server = serverOf(deployment, { request });
  return server === undefined ? usable : usable.filter(({ name }) => name === server);
}

/** The one server that the request is for; undefined when it is for all. */
function serverOf(
  deployment: Deployment,
  { request }: Pick<AuthorizationRequest, 'request'>,
): string | undefined {
  const resource = parseResource(deployment, request.resource);
  return resource?.kind === 'server' ? resource.server : undefined;
}

function offeredServers(
  deployment: Deployment,
  flow: AuthorizationRequest,
  person: Person,
  tools: Map<string, ServerTools>,
  form?: URLSearchParams,
): ConsentServer[] {
  return serversInReach(deployment, flow, person).map(({ name, title, description }) => ({
    name,
    title: title ?? name,
    ...(description === undefined ? {} : { description }),
    ticked: form ? form.getAll('server').includes(name) : true,
    ...(tools.has(name) ? { tools: tools.get(name) as ServerTools } : {}),
  }));
}

/** Seconds that this person can allow at most. */
function longestFor({ settings }: Deployment, { key }: Person): number {
  return longestWithinKey(settings.tokens.grant, key, seconds());
}

/** What the role, the client and the key they signed in by leave to be granted. */
function grantableScopes(flow: AuthorizationRequest, { role, key }: Person): Scope[] {
  return scopesWithinKey(scopesWithin(role, SCOPES), key).filter((scope) => isWithinClient(flow, scope));
}

function offeredScopes(
  deployment: Deployment,
  flow: AuthorizationRequest,
  person: Person,
  form?: URLSearchParams,
): ConsentScope[] {
  // One server's own resource has that server's tools alone.
  const ownTools = serverOf(deployment, flow) === undefined;
  return grantableScopes(flow, person).map((scope) => ({
    scope,
    asked: flow.asked.includes(scope),
    ticked: form ? form.getAll('scope').includes(scope) : flow.asked.includes(scope),
    tools: ownTools ? OWN_TOOLS[scope] : [],
  }));
}

/** `CLIENTS` can hold a client to less than its users may give. */
function isWithinClient({ client }: AuthorizationRequest, scope: Scope): boolean {
  return client.scope === undefined || includedScopes(client.scope).includes(scope);
}

function describeUser({ name, email, email_verified }: Identity) {
  return { name, emailVerified: email_verified, ...(email === undefined ? {} : { email }) };
}

async function mustSubmit(flow: Flow): Promise<void> {
  const submitted = await flow.submit();
  if (!submitted.ok) throw new PageProblem(submitted.error.reason);
}
