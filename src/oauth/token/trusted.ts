import { claimsInRules, type Identity, ruleFor } from '../../account';
import { seconds } from '../../clock';
import { type Deployment, type TrustedIssuer, type TrustRule, titleOf } from '../../config';
import { sha256Hex } from '../../crypto';
import { claimOnce } from '../../flow';
import { sameIssuer } from '../../issuer';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { claimedIssuer } from '../clients/assertion';
import { CLOCK_SKEW } from '../protocol/jwt';
import type { PresentedTokenReason, PresentedTokenRefusal } from '../protocol/oauth-error';
import type { AuthenticatedRequest, TokenResponse } from '../protocol/token-request';
import { type Assertion, type Presented, verifyAssertion } from './assertion';
import { keysOf, mayRefetch } from './issuer-keys';
import { issueToServiceAccount, planServiceAccount } from './service-account';

/**
 * Gives access for a signed token of an issuer of `TRUSTED_ISSUERS`: no more than its rule says, no longer than the token
 * is valid, and once.
 *
 * @param as how the token was presented
 */
export async function redeemTrusted(
  deployment: Deployment,
  token: string,
  as: Presented['as'],
  { client, method, form }: AuthenticatedRequest,
): Promise<TokenResponse> {
  const found = await readTrusted(deployment, token, as, client?.client_id);
  if (!found.ok) return refusedAs(as, found.error);
  const { trusted, assertion, rule } = found.value;
  // An identity assertion grant names a client, and anybody could be a public one.
  if (assertion.isIdJag && method === 'none') return refuse('assertion_by_public_client');
  const now = seconds();
  const named = client ?? { client_id: `issuer:${trusted.name}`, name: titleOf(trusted) };
  const { client_id, name } = named;
  const longest = now + trusted.lifetime;
  const plan = planServiceAccount(
    deployment,
    {
      identity: identityOf(trusted, rule, assertion),
      client: { client_id, name, domain: client?.domain },
      servers: rule.servers,
      scope: leastScope(client?.scope, assertion),
      // An identity assertion is a grant, as a code is. Access that is made from any other token ends with that token.
      expires_at: assertion.isIdJag ? longest : Math.min(longest, assertion.exp),
    },
    withinResource(form, assertion),
  );
  if (!plan.ok) return plan;
  const { issuer, subject, exp } = assertion;
  const what = ['trusted', issuer, subject, await idOf(token, assertion)].join('\0');
  const isFirst = await claimOnce(deployment, what, exp + CLOCK_SKEW);
  if (!isFirst) return refusedAs(as, { reason: 'assertion_replayed' });
  return issueToServiceAccount(deployment, plan.value);
}

function refusedAs(
  presented_as: Presented['as'],
  refusal: Refusal<PresentedTokenReason>,
): { ok: false; error: PresentedTokenRefusal } {
  return { ok: false, error: { ...refusal, presented_as } };
}

interface Found {
  trusted: TrustedIssuer;
  assertion: Assertion;
  rule: TrustRule;
}

async function readTrusted(
  deployment: Deployment,
  token: string,
  as: Presented['as'],
  client_id: string | undefined,
): Promise<Result<Found, Refusal<PresentedTokenReason>>> {
  const issuer = claimedIssuer(token);
  if (issuer === undefined) return refuse('assertion_malformed');
  const trusted = deployment.settings.trustedIssuers.find((one) => sameIssuer(one.issuer, issuer));
  if (!trusted) return refuse('issuer_not_trusted', issuer.slice(0, 200));
  const deps = { loopbackHosts: loopbackHosts(deployment, trusted), now: seconds() };
  const keys = await keysOf(trusted, deps);
  if (!keys.ok) return keys;
  // Its tokens must spell the issuer as its discovery document does (OpenID Connect Core 1.0 section 3.1.3.7).
  const { issuer: itself = issuer } = keys.value;
  if (itself !== issuer) return refuse('issuer_not_trusted', issuer.slice(0, 200));
  const presented = { as, issuer, client_id, origin: deployment.origin };
  const verify = () => verifyAssertion(token, { trusted, keys: keys.value, presented }, deps);
  let verified = await verify();
  const isNew = !verified.ok && verified.error.reason === 'assertion_key_unknown';
  if (isNew && mayRefetch(keys.value, deps.now)) verified = await verify();
  if (!verified.ok) return verified;
  const rule = ruleFor(trusted, verified.value.claims);
  return rule ? ok({ trusted, assertion: verified.value, rule }) : refuse('assertion_no_rule', trusted.name);
}

/** In local development an issuer in the settings may be on this computer. */
function loopbackHosts(deployment: Deployment, { issuer, jwks_uri }: TrustedIssuer): string[] {
  if (!deployment.local) return [];
  const named = [issuer, jwks_uri].filter((url) => url !== undefined).map((url) => new URL(url).host);
  return [...deployment.settings.clientDocumentHosts, ...named];
}

/** Who the token is about. Groups come from the rule, never from the token. */
function identityOf(
  trusted: TrustedIssuer,
  rule: TrustRule,
  { issuer, subject, claims }: Assertion,
): Identity {
  const email = textOf(claims.email);
  return {
    provider: trusted.name,
    issuer,
    subject,
    name: textOf(claims.name) ?? email ?? subject.slice(0, 200),
    email,
    email_verified: email !== undefined && claims.email_verified === true,
    groups: rule.groups,
    claims: claimsInRules(trusted, claims),
  };
}

function textOf(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim !== '' ? claim.slice(0, 200) : undefined;
}

/** The most that is allowed: what the client may have at most, and what the assertion was made for. */
function leastScope(most: string[] | undefined, { isIdJag, claims }: Assertion): string[] | undefined {
  if (!isIdJag || typeof claims.scope !== 'string') return most;
  const named = claims.scope.split(' ');
  return most ? named.filter((name) => most.includes(name)) : named;
}

/** An identity assertion grant for one resource can't be used for another. */
function withinResource(form: Record<string, string>, { isIdJag, claims }: Assertion) {
  if (!isIdJag || typeof claims.resource !== 'string') return form;
  const scope = form.scope ?? (typeof claims.scope === 'string' ? claims.scope : undefined);
  return {
    ...form,
    resource: form.resource ?? claims.resource,
    audience: claims.resource,
    ...(scope === undefined ? {} : { scope }),
  };
}

/** What identifies the token: its `jti`, or a hash of what was signed. The same token can have several signatures. */
async function idOf(token: string, { claims }: Assertion): Promise<string> {
  return claims.jti ?? (await sha256Hex(token.slice(0, token.lastIndexOf('.'))));
}
