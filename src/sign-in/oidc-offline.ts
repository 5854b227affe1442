import type * as oauth from 'oauth4webapi';
import { isolateCache } from '../caches';
import type { OidcProvider } from '../config';
import type { Refusal } from '../result';
import type { OidcRefusal } from './oidc-refusals';

/*
 * `offline_access` (OpenID Connect Core 1.0 section 11), the one scope that the gate adds by itself, so that a provider
 * can be asked again. Some list it in their metadata, and refuse it to this client.
 */

type Verdict = 'given' | 'refused';

const verdicts = isolateCache<Verdict>('offlineAccess');

/** Whether the gate adds the scope to a request. Not where the settings name it themselves, or say that it isn't to. */
export function addsOffline(provider: OidcProvider, as: oauth.AuthorizationServer): boolean {
  const { offline_access: wanted, scopes } = provider;
  if (scopes.split(' ').includes('offline_access') || wanted === false) return false;
  const isListed = wanted === true || as.scopes_supported?.includes('offline_access') === true;
  return isListed && verdicts().get(keyOf(provider)) !== 'refused';
}

/**
 * Remembers what a provider did with the scope. What it says in a browser doesn't count once it has given a refresh
 * token: the person who signs in can write such an answer themselves.
 */
export function rememberOffline(
  provider: OidcProvider,
  verdict: Verdict,
  said: 'in browser' | 'to gate',
): void {
  const key = keyOf(provider);
  if (said === 'in browser' && verdicts().get(key) === 'given') return;
  verdicts().set(key, verdict);
}

/** Codes by which providers refuse a scope, other than `invalid_scope` and `access_denied`. */
const OTHER_CODES = /^(invalid_request|unauthorized_client|not_allowed|unsupported_scope)\b/;
/** The person's own no, where the provider says so. */
const PERSON_DECLINED = /\b(user|person|owner)\b|cancel|declin|AADSTS65004/i;

/** Whether a refusal may be about the scope that the gate added, so that it is worth to ask once more without. */
export function mayRefuseOffline({ reason, detail = '' }: Refusal<OidcRefusal>): boolean {
  if (reason === 'oidc_scope_rejected') return true;
  if (reason === 'oidc_denied') return !PERSON_DECLINED.test(detail);
  return OTHER_CODES.test(detail);
}

function keyOf({ issuer, client_id }: OidcProvider): string {
  return `${issuer} ${client_id}`;
}
