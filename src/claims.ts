/*
 * Reading claims of ID tokens, userinfo, and trusted tokens. Any claim can have a value of any type, so nothing is
 * converted.
 */

/**
 * Whether a `sub` is usable: text that isn't blank, of at most `longest` characters (255 at a sign-in provider, OpenID
 * Connect Core 1.0 section 2), without control characters and without lone surrogates, which all become the same
 * character in UTF-8. An empty `sub` would make everybody the same user.
 */
export function isSubject(sub: unknown, longest = 255): sub is string {
  return (
    typeof sub === 'string' && sub.length <= longest && sub.trim() !== '' && !/[\p{Cc}\p{Cs}]/u.test(sub)
  );
}

/** The values of a claim: the members of a list, or the single value. */
export function valuesOf(claim: unknown): unknown[] {
  const values: unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.filter((value) => value !== undefined && value !== null);
}

/** A value as rules compare it; undefined for objects and lists, which are never converted to text. */
export function textOf(value: unknown): string | undefined {
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value);
  return isPlain ? String(value) : undefined;
}

/** The claim at a path such as `realm_access.roles`. The name of a claim can contain dots, too (`kubernetes.io`). */
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
