import type { Context } from 'hono';
import { type Identity, includedScopes, SCOPES, type Scope, scopesWithin, usableServers } from '../account';
import { record } from '../audit';
import { seconds } from '../clock';
import type { Role, ServerSetting } from '../config';
import { type Flow, type FlowData, showUserCode } from '../flow';
import { ok, type Result, refuse } from '../result';
import type { SignedIn } from '../sign-in';
import { type Site, siteOf } from '../site';
import { brandingOf, PageProblem, showPage, words } from '../ui';
import { type AuthorizationRequest, issuingClient } from './authorize';
import { ConsentPage, type ConsentProps, type ConsentScope, type ConsentServer } from './consent-page';
import { deviceIssuing } from './device';
import { type RequestSource, sourceOf } from './device-authorization';
import { errorRedirect } from './library';
import { type CheckedRedirectUri, describeRedirect } from './redirect-uri';
import { termsOf } from './token-request';

/** What an authorization flow keeps, sealed. */
export interface AuthorizationFlow extends FlowData, AuthorizationRequest {
  /** The device that asks, where nobody is sent back to a client. */
  device?: { id: string; user_code: string; code_verifier: string; from: RequestSource };
}

/** What the person's answer leads to: `allowed` gets the redirect to the client, with its code. */
export interface Ending {
  denied(): Response | Promise<Response>;
  allowed(redirectTo: string): Response | Promise<Response>;
}

/** A signed-in person who has a role. */
export type Person = SignedIn & { role: Role };

/** The gate's own tools by the scope they need, as `gateway/` names them: titles, for the consent page. */
const OWN_TOOLS: Record<Scope, string[]> = {
  'mcp:read': [words.consent.whoami],
  'mcp:write': [],
  'mcp:destructive': [],
};

/** Titles of a server's tools, by what they do. */
export type ServerTools = NonNullable<ConsentServer['tools']>;

/** Finds what servers offer a person, by name; those that don't tell are not there. `gateway/` does it. */
export type SurveyTools = (
  c: Context,
  servers: ServerSetting[],
  person: Person,
) => Promise<Map<string, ServerTools>>;

const DAY = 86_400;

/** The consent page of a flow, for the person signed in. `again`: what was wrong with the form just sent. */
export async function showConsent(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  survey: SurveyTools,
  again?: { notice: string; form: URLSearchParams },
): Promise<Response> {
  const site = siteOf(c);
  const { client, request, asked } = flow.data;
  const { host: redirectHost, loopback } = describeRedirect(request.redirect_uri as CheckedRedirectUri);
  const csrf = await flow.csrf(person.userId);
  const tools = await survey(c, serversInReach(site, flow.data, person), person);
  const page = (
    <ConsentPage
      branding={brandingOf(site)}
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
      scopes={offeredScopes(flow.data, person.role, again?.form)}
      servers={offeredServers(site, flow.data, person, tools, again?.form)}
      expires={expiryChoice(site.settings.tokens.grant, again?.form.get('expires'))}
      destructiveAsked={asked.includes('mcp:destructive')}
      {...(again === undefined ? {} : { notice: again.notice })}
    />
  );
  return showPage(c, page, { formAction: 'open', status: again ? 400 : 200 });
}

/** Takes the person's answer to its ending, or shows the page again. */
export async function decide(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  survey: SurveyTools,
  form: URLSearchParams,
  ending: Ending,
): Promise<Response> {
  const site = siteOf(c);
  const { client, request } = flow.data;
  const who = { user: person.userId, client: client.client_id };
  if (form.get('decision') === 'deny') {
    await mustSubmit(flow);
    record(c, { event: 'consent', outcome: 'refused', reason: 'access_denied', ...who });
    return ending.denied();
  }
  const choice = readChoice(form, flow.data, person, site);
  if (!choice.ok) return showConsent(c, flow, person, survey, { notice: NOTICES[choice.error.reason], form });
  await mustSubmit(flow);
  const redirectTo = await site.env.ACCOUNT.getByName(person.userId).approve(termsOf(site), {
    request,
    client: { ...issuing(flow.data), name: client.name, domain: client.domain },
    ...choice.value,
  });
  record(c, { event: 'consent', outcome: 'ok', detail: choice.value.scope.join(' '), ...who });
  return ending.allowed(redirectTo);
}

/** Back to the client, with a code or `access_denied`. */
export function backToClient(c: Context, { request }: AuthorizationFlow): Ending {
  const { origin } = siteOf(c);
  return {
    denied: () => c.redirect(errorRedirect(request, origin, 'access_denied', 'The person declined'), 303),
    allowed: (redirectTo) => c.redirect(redirectTo, 303),
  };
}

function issuing({ client, device }: AuthorizationFlow) {
  return device ? deviceIssuing(client) : issuingClient(client);
}

/** The code to compare, where the request came from, and whether that is another network than this browser's. */
function describeDevice(c: Context, { device }: AuthorizationFlow): Pick<ConsentProps, 'device'> {
  if (!device) return {};
  const { address, place } = device.from;
  const here = sourceOf(siteOf(c), c.req.raw).address;
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
  site: Site,
): Result<{ scope: Scope[]; servers: string[]; expires_at: number }, { reason: ChoiceRefusal }> {
  if (form.get('decision') !== 'allow') return refuse('decision_missing');
  const scope = scopesWithin(person.role, includedScopes(form.getAll('scope'))).filter((name) =>
    isWithinClient(flow, name),
  );
  if (scope.length === 0) return refuse('scope_missing');
  const expires_at = readExpiry(form.get('expires'), site.settings.tokens.grant);
  if (expires_at === undefined) return refuse('expires_invalid');
  const ticked = form.getAll('server');
  const inReach = serversInReach(site, flow, person).map(({ name }) => name);
  const servers = inReach.filter((name) => ticked.includes(name));
  // A grant for one server's own resource is worth nothing without it.
  if (servers.length === 0 && isForOneServer(site, flow)) return refuse('server_missing');
  return ok({ scope, servers, expires_at });
}

/** The servers that a grant for this resource can hold: one server's own, or all that the person may use. */
function serversInReach(
  site: Site,
  { request }: AuthorizationRequest,
  { identity }: Person,
): ServerSetting[] {
  const usable = usableServers(site.settings, identity);
  const own = usable.filter(({ name }) => request.resource === `${site.origin}/mcp/${name}`);
  return isForOneServer(site, { request }) ? own : usable;
}

function isForOneServer(site: Site, { request }: Pick<AuthorizationRequest, 'request'>): boolean {
  return request.resource.startsWith(`${site.origin}/mcp/`);
}

function offeredServers(
  site: Site,
  flow: AuthorizationRequest,
  person: Person,
  tools: Map<string, ServerTools>,
  form?: URLSearchParams,
): ConsentServer[] {
  return serversInReach(site, flow, person).map(({ name, title, description }) => ({
    name,
    title: title ?? name,
    ...(description === undefined ? {} : { description }),
    ticked: form ? form.getAll('server').includes(name) : true,
    ...(tools.has(name) ? { tools: tools.get(name) as ServerTools } : {}),
  }));
}

/** The last second of a day, UTC, from today to `longest` seconds ahead; no day means the longest. */
function readExpiry(day: string | null, longest: number): number | undefined {
  const now = seconds();
  if (day === null || day === '') return now + longest;
  const begins = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) / 1000 : Number.NaN;
  // A date that doesn't exist would be read as a later one.
  if (Number.isNaN(begins) || toDay(begins) !== day) return undefined;
  const ends = begins + DAY - 1;
  if (ends <= now || day > toDay(now + Math.max(longest, DAY))) return undefined;
  return Math.min(ends, now + longest);
}

function expiryChoice(longest: number, typed?: string | null) {
  const now = seconds();
  const max = toDay(now + Math.max(longest, DAY));
  return { min: toDay(now), max, value: typed || max };
}

function toDay(time: number): string {
  return new Date(time * 1000).toISOString().slice(0, 10);
}

function offeredScopes(flow: AuthorizationRequest, role: Role, form?: URLSearchParams): ConsentScope[] {
  const offered = scopesWithin(role, SCOPES).filter((scope) => isWithinClient(flow, scope));
  return offered.map((scope) => ({
    scope,
    asked: flow.asked.includes(scope),
    ticked: form ? form.getAll('scope').includes(scope) : flow.asked.includes(scope),
    tools: OWN_TOOLS[scope],
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
