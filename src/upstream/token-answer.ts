/** The members of a token endpoint's answer that are used; {@link readTokenAnswer} leaves out all others. */
export interface ProviderTokenAnswer {
  access_token?: string;
  token_type?: string;
  /** Seconds, above 0. */
  expires_in?: number;
  refresh_token?: string;
  scope?: string;
  error?: string;
  error_description?: string;
}

/** The longest `expires_in` that is kept, in seconds: a year. */
const LONGEST_LIFE = 31_536_000;
const LONGEST_SCOPE = 4096;

/**
 * Reads a token endpoint's answer into the form of RFC 6749 section 5. It may be JSON, or form-encoded as some
 * providers send it. Members without meaning (null, of another type, an invalid `expires_in`) are left out, a list of
 * scopes is joined, and a missing `token_type` becomes `Bearer`. Undefined when it is neither JSON nor such a form.
 */
export function readTokenAnswer(text: string): ProviderTokenAnswer | undefined {
  const read = parseJsonObject(text) ?? parseForm(text);
  if (!read) return undefined;
  const answer: ProviderTokenAnswer = {};
  for (const name of ['access_token', 'token_type', 'refresh_token', 'error', 'error_description'] as const) {
    const value = read[name];
    if (typeof value === 'string' && value !== '') answer[name] = value;
  }
  const expires = readSeconds(read.expires_in);
  if (expires !== undefined) answer.expires_in = expires;
  const scope = readScope(read.scope);
  if (scope !== undefined) answer.scope = scope;
  // Null or missing. With a `token_type` of another type, the answer has none and can't be used.
  const untyped = (read.token_type ?? '') === '';
  if (answer.access_token !== undefined && untyped) answer.token_type = 'Bearer';
  return answer;
}

function readSeconds(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const seconds = Math.floor(Number(value));
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, LONGEST_LIFE) : undefined;
}

/**
 * A scope (RFC 6749 section 3.3), or a list of scopes. It is shown to people, so all its characters must be visible.
 */
function readScope(value: unknown): string | undefined {
  const scopes: unknown[] = Array.isArray(value) ? value : [value];
  if (!scopes.every((scope) => typeof scope === 'string')) return undefined;
  const scope = scopes.join(' ');
  return scope.length <= LONGEST_SCOPE && /^[\x20-\x7e]+$/.test(scope) ? scope : undefined;
}

/** Parses a JSON object; undefined for anything else. */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return isObject ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function parseForm(text: string): Record<string, unknown> | undefined {
  const form = new URLSearchParams(text.trim());
  const tells = form.has('access_token') || form.has('error');
  return tells ? Object.fromEntries(form) : undefined;
}
