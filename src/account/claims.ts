import type { ClaimRule } from '../config';

/** One rule about claims: of a claim that is a list, one has to hold; one that is missing is only ever `ne`. */
export function claimHolds(rule: ClaimRule, claims: Record<string, unknown>): boolean {
  const value = claimAt(claims, rule.claim);
  const values = (Array.isArray(value) ? value : [value]).filter((one) => one !== undefined).map(String);
  if (rule.exists !== undefined && rule.exists !== values.length > 0) return false;
  if (rule.eq !== undefined && !values.includes(rule.eq)) return false;
  if (rule.ne !== undefined && values.includes(rule.ne)) return false;
  const { contains, regex } = rule;
  if (
    contains !== undefined &&
    !values.some((one) => (Array.isArray(value) ? one === contains : one.includes(contains)))
  ) {
    return false;
  }
  return regex === undefined || values.some((one) => new RegExp(regex).test(one));
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
