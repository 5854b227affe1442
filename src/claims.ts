/*
 * Readers of claims that others make: in ID tokens, userinfo and trusted tokens any value may stand anywhere, and is
 * only ever taken for what it is.
 */

/**
 * Whether a `sub` names somebody: text that isn't blank, of at most `longest` characters (255 at a sign-in provider:
 * OpenID Connect Core 1.0 section 2, "sub"), without control characters and halves of characters, which would be
 * one and the same in UTF-8. With an empty one everybody is one user.
 */
export function isSubject(sub: unknown, longest = 255): sub is string {
  return (
    typeof sub === 'string' && sub.length <= longest && sub.trim() !== '' && !/[\p{Cc}\p{Cs}]/u.test(sub)
  );
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
