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
 * A token endpoint's answer as RFC 6749 section 5 has it: JSON, or form-encoded as some providers send it; members
 * that mean nothing (null, of another type, an `expires_in` that is no number of seconds) left out, a list of scopes
 * joined, a missing `token_type` read as Bearer. Undefined when it is neither. `path`: where the access token is, such
 * as `authed_user.access_token`; its other members are those next to it, and no other token is read.
 */
export function readTokenAnswer(text: string, path?: string): ProviderTokenAnswer | undefined {
  const whole = parseJsonObject(text) ?? parseForm(text);
  if (!whole) return undefined;
  const read =
    path === undefined ? whole : { ...pick(whole, ['error', 'error_description']), ...at(whole, path) };
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

/** RFC 6749 section 3.3, as a list, or with commas. It is shown to people: nothing that isn't visible. */
function readScope(value: unknown): string | undefined {
  const scopes: unknown[] = Array.isArray(value) ? value : [value];
  const texts = scopes.filter((scope) => typeof scope === 'string');
  const given = texts.join(' ').trim();
  // A comma can be part of a scope (section 3.3), so only of a list without spaces is it taken for a separator.
  const scope = /^[^\s,]+(, ?[^\s,]+)+$/.test(given) ? given.replace(/, ?/g, ' ') : given;
  return scope.length <= LONGEST_SCOPE && /^[\x20-\x7e]+$/.test(scope) ? scope : undefined;
}

/** Parses a JSON object; undefined for anything else. */
export function parseJsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** The object that has the member at the end of a path, with that member as `access_token`. */
function at(whole: Record<string, unknown>, path: string): Record<string, unknown> {
  const names = path.split('.');
  const last = names.pop() ?? '';
  let inner: unknown = whole;
  for (const name of names) inner = isObject(inner) && Object.hasOwn(inner, name) ? inner[name] : undefined;
  if (!isObject(inner) || !Object.hasOwn(inner, last)) return {};
  return { ...inner, access_token: inner[last] };
}

function pick(whole: Record<string, unknown>, names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, whole[name]]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseForm(text: string): Record<string, unknown> | undefined {
  const form = new URLSearchParams(text.trim());
  const tells = form.has('access_token') || form.has('error');
  return tells ? Object.fromEntries(form) : undefined;
}
