import { claimAt, textOf, valuesOf } from '../../claims';
import type { ClaimRule } from '../../config';
import { sameIssuer, sameUrl } from '../../issuer';
import { matchesPattern } from '../../pattern';

/**
 * Whether claims satisfy a rule. If the claim is a list, one of its values has to. A claim that is missing, or null
 * (OpenID Connect Core 1.0 section 5.3.2: the same), satisfies only `ne`. A value that isn't a text, number or boolean
 * satisfies neither `eq`, `contains`, `regex` nor `ne`.
 */
export function claimHolds(rule: ClaimRule, claims: Record<string, unknown>): boolean {
  const claim = claimAt(claims, rule.claim);
  const values = valuesOf(claim);
  const texts = values.map(textOf).filter((text) => text !== undefined);
  const { exists, eq, ne, contains, regex } = rule;
  const same = comparisonOf(rule.claim);
  if (exists !== undefined && exists !== values.length > 0) return false;
  if (eq !== undefined && !texts.some((text) => same(text, eq))) return false;
  if (ne !== undefined && (texts.length < values.length || texts.some((text) => same(text, ne))))
    return false;
  const isList = Array.isArray(claim);
  if (
    contains !== undefined &&
    !texts.some((text) => (isList ? text === contains : text.includes(contains)))
  ) {
    return false;
  }
  return regex === undefined || texts.some((text) => matchesPattern(text, regex));
}

/** Issuers and audiences are compared as URLs, not by their spelling (RFC 7519 sections 4.1.1 and 4.1.3). */
function comparisonOf(claim: string): (one: string, other: string) => boolean {
  if (claim === 'iss' || claim === 'issuer') return sameIssuer;
  return claim === 'aud' ? sameUrl : sameText;
}

function sameText(one: string, other: string): boolean {
  return one === other;
}
