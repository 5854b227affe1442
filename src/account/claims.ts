import type { ClaimRule } from '../config';
import { sameIssuer, sameUrl } from '../issuer';
import { matchesPattern } from '../pattern';

/**
 * One rule about claims: of a claim that is a list, one has to hold; one that is missing (or null, which means the
 * same: OpenID Connect Core 1.0 section 5.3.2) is only ever `ne`. What is neither text, a number nor a boolean
 * equals, contains and matches nothing, and fails `ne`: nobody knows what it says.
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

/** Issuers and audiences are compared by what they mean, not by their spelling (RFC 7519 sections 4.1.1 and 4.1.3). */
function comparisonOf(claim: string): (one: string, other: string) => boolean {
  if (claim === 'iss' || claim === 'issuer') return sameIssuer;
  return claim === 'aud' ? sameUrl : sameText;
}

function sameText(one: string, other: string): boolean {
  return one === other;
}

/** The values of a claim: those of a list, or the one that it is. */
export function valuesOf(claim: unknown): unknown[] {
  const values: unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.filter((value) => value !== undefined && value !== null);
}

/** A value as rules compare it; undefined for objects and lists, which are never made into text. */
export function textOf(value: unknown): string | undefined {
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value);
  return isPlain ? String(value) : undefined;
}

/** The claim at a path such as `realm_access.roles`; a claim's own name may have dots (`kubernetes.io`). */
export function claimAt(claims: object, path: string): unknown {
  if (Object.hasOwn(claims, path)) return (claims as Record<string, unknown>)[path];
  const steps = path.split('.');
  for (let at = 1; at < steps.length; at++) {
    const head = claimOf(claims, steps.slice(0, at).join('.'));
    const found =
      typeof head === 'object' && head !== null ? claimAt(head, steps.slice(at).join('.')) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function claimOf(claims: object, name: string): unknown {
  return Object.hasOwn(claims, name) ? (claims as Record<string, unknown>)[name] : undefined;
}
