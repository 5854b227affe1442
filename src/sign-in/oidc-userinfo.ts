import * as oauth from 'oauth4webapi';
import { ok } from '../result';
import { type ClaimSources, lacksClaims, namesPerson } from './oidc-claims';
import { checkSignature, type RelyingParty } from './oidc-client';
import { httpOptions } from './oidc-discovery';
import type { Claims } from './oidc-groups';
import { findGroups } from './oidc-groups';
import { attempt, type OidcRefusal, type OidcResult } from './oidc-refusals';

/**
 * The ID token's claims and, when they lack something, userinfo's (section 5.3) about the same subject. Userinfo that
 * can't be had is done without where the ID token is enough by itself.
 */
export async function collectClaims(
  rp: RelyingParty,
  idToken: oauth.IDToken,
  accessToken: string,
): Promise<OidcResult<ClaimSources>> {
  if (!lacksClaims(idToken, rp.provider.groups_claim)) return ok({ claims: [idToken] });
  const userinfo = await askUserinfo(rp, idToken.sub, accessToken);
  if (userinfo.ok) return ok({ claims: [idToken, ...userinfo.value] });
  const { reason, detail } = userinfo.error;
  if (!isEnough(rp, idToken, reason)) return userinfo;
  return ok({ claims: [idToken], userinfo: detail === undefined ? reason : `${reason} ${detail}` });
}

/** Failures after which nothing of the answer is used, and the sign-in isn't finished either. */
const UNTRUSTED: readonly OidcRefusal[] = [
  'oidc_userinfo_mismatch',
  'oidc_signature_invalid',
  'oidc_issuer_mismatch',
  'oidc_audience_mismatch',
];

/**
 * Whether a valid ID token is enough where userinfo fails. It has to say who the person is. Groups that it lacks may
 * be in userinfo, and a role must not be lost because userinfo is down for a moment.
 */
function isEnough({ provider }: RelyingParty, idToken: Claims, failure: OidcRefusal): boolean {
  if (UNTRUSTED.includes(failure) || !namesPerson(idToken)) return false;
  return failure !== 'oidc_unreachable' || findGroups(idToken, provider.groups_claim).state !== 'missing';
}

/** Userinfo's claims about that subject and no other; none where the provider has no userinfo. */
export async function askUserinfo(
  rp: RelyingParty,
  subject: string,
  accessToken: string,
): Promise<OidcResult<Claims[]>> {
  const { as, client } = rp;
  if (as.userinfo_endpoint === undefined) return ok([]);
  const asked = await attempt('oidc_userinfo_invalid', async () => {
    const response = await oauth.userInfoRequest(as, client, accessToken, httpOptions(rp));
    const claims = await oauth.processUserInfoResponse(as, client, subject, response);
    return { claims, signed: isJwt(response) ? response : undefined };
  });
  if (!asked.ok) return asked;
  // Section 5.3.2: userinfo may be signed, and then the signature is checked.
  const signed = asked.value.signed ? await checkSignature(rp, asked.value.signed) : ok(undefined);
  return signed.ok ? ok([asked.value.claims]) : signed;
}

function isJwt(response: Response): boolean {
  return /^application\/jwt\b/i.test(response.headers.get('content-type') ?? '');
}
