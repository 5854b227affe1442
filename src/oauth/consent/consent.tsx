import type { Scope } from '../../account';
import { record } from '../../audit';
import { expiryChoice } from '../../expiry';
import { showUserCode } from '../../flow';
import { ok } from '../../result';
import { brandingOf, type PageResult, showPage, words } from '../../ui';
import { type ServerTools, surveyTools } from '../../upstream';
import { type CheckedRedirectUri, describeRedirect } from '../clients/redirect-uri';
import { describeSource } from '../device/request-source';
import { type ChoiceRefusal, readChoice, stageChoice, stagedChoice } from './choice';
import { accountsNeeded, connectAccountsPath } from './connect-accounts';
import { aboutConsent, type ConsentContext } from './context';
import { finishAuthorization } from './finish';
import { type ConsentLimits, consentLimits } from './limits';
import { ConsentPage, type ConsentProps, type ConsentScope } from './page';
import { respondDenied } from './response';
import type { ConsentServer } from './servers';

/** The gate's own tools by the scope they need: titles, for the consent page. */
const OWN_TOOLS: Record<Scope, string[]> = {
  'mcp:read': [words.consent.whoami],
  'mcp:write': [],
  'mcp:destructive': [],
};

const NOTICES: Record<ChoiceRefusal, string> = {
  decision_missing: words.consent.decisionMissing,
  scope_missing: words.consent.scopeMissing,
  server_missing: words.consent.serverMissing,
  expires_invalid: words.consent.expiresInvalid,
};

/**
 * The consent page, for the person signed in. `wrong`: the form just sent, and what was wrong with it. A person who
 * comes back from the page "Connect your accounts" finds what they ticked.
 */
export async function showConsent(
  consent: ConsentContext,
  wrong?: { notice: string; form: URLSearchParams },
): Promise<PageResult> {
  const before = wrong ? ok(wrong) : await stagedChoice(consent);
  if (!before.ok) return before;
  const form = before.value?.form;
  const { c, deployment, flow, person } = consent;
  const limits = consentLimits(consent);
  const tools = await surveyTools(c, limits.servers, person);
  const page = (
    <ConsentPage
      branding={brandingOf(deployment)}
      action={flow.data.return_to}
      hidden={{ csrf: await flow.csrf(person.userId) }}
      {...describeClient(consent)}
      {...describeDevice(consent)}
      {...describePerson(consent)}
      scopes={offeredScopes(consent, limits, form)}
      servers={offeredServers(limits, tools, form)}
      expires={expiryChoice(limits.longest, form?.get('expires'))}
      destructiveAsked={flow.data.asked.includes('mcp:destructive')}
      {...(wrong === undefined ? {} : { notice: wrong.notice })}
    />
  );
  return ok(await showPage(c, page, { formAction: 'open', status: wrong ? 400 : 200 }));
}

/**
 * Takes the person's answer: on to the accounts that they have yet to connect, to the client, or the page again. Refused
 * with a page when the flow has ended.
 */
export async function decideConsent(consent: ConsentContext, form: URLSearchParams): Promise<PageResult> {
  const { c, flow } = consent;
  if (form.get('decision') === 'deny') {
    const submitted = await flow.submit();
    if (!submitted.ok) return submitted;
    const about = aboutConsent(consent);
    record(c, { event: 'consent', outcome: 'refused', reason: 'access_denied', ...about });
    return respondDenied(consent);
  }
  const choice = readChoice(consent, form);
  if (!choice.ok) return showConsent(consent, { notice: NOTICES[choice.error.reason], form });
  const needed = await accountsNeeded(consent, choice.value);
  if (needed.every(({ status }) => status === 'connected')) return finishAuthorization(consent, choice.value);
  const staged = await stageChoice(consent, choice.value, form);
  return staged.ok ? ok(c.redirect(connectAccountsPath(flow), 303)) : staged;
}

/** Who asks, and where access is sent. */
function describeClient({ flow }: ConsentContext): Pick<ConsentProps, 'client'> {
  const { client, request } = flow.data;
  const { name, domain } = client;
  const { host, loopback } = describeRedirect(request.redirect_uri as CheckedRedirectUri);
  return { client: { name, redirectHost: host, loopback, ...(domain === undefined ? {} : { domain }) } };
}

/** The code to compare, where the request came from, and whether that is another network than this browser's. */
function describeDevice({ c, deployment, flow }: ConsentContext): Pick<ConsentProps, 'device'> {
  const { device } = flow.data;
  if (!device) return {};
  const { address, location } = device.from;
  const here = describeSource(deployment, c.req.raw).address;
  const from = location === undefined ? address : `${address} (${location})`;
  const otherNetwork = address !== undefined && here !== undefined && network(address) !== network(here);
  const userCode = showUserCode(device.user_code);
  return { device: { userCode, otherNetwork, ...(from === undefined ? {} : { from }) } };
}

/** The part of an address that a household shares: all of IPv4, the first half of IPv6. */
function network(address: string): string {
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address;
}

/** As whom the client will act, with a way to be somebody else. */
function describePerson({ flow, person }: ConsentContext): Pick<ConsentProps, 'user' | 'switchAccount'> {
  const { name, email, email_verified } = person.identity;
  return {
    user: { name, emailVerified: email_verified, ...(email === undefined ? {} : { email }) },
    switchAccount: { action: '/sign-out', hidden: { flow: flow.id } },
  };
}

function offeredScopes(
  { flow, resource }: ConsentContext,
  { scopes }: ConsentLimits,
  form: URLSearchParams | undefined,
): ConsentScope[] {
  const { asked } = flow.data;
  return scopes.map((scope) => ({
    scope,
    asked: asked.includes(scope),
    ticked: form ? form.getAll('scope').includes(scope) : asked.includes(scope),
    // At a server's own endpoint there are that server's tools alone.
    tools: resource.kind === 'merged' ? OWN_TOOLS[scope] : [],
  }));
}

/** `tools`: by server; one that didn't list them in time isn't there. */
function offeredServers(
  { servers }: ConsentLimits,
  tools: Map<string, ServerTools>,
  form: URLSearchParams | undefined,
): ConsentServer[] {
  return servers.map(({ name, title, description }) => ({
    name,
    title: title ?? name,
    ...(description === undefined ? {} : { description }),
    ticked: form ? form.getAll('server').includes(name) : true,
    ...(tools.has(name) ? { tools: tools.get(name) as ServerTools } : {}),
  }));
}
