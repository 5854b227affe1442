/*
 * What the gate's own secrets look like as text (docs/access-keys.md, docs/storage.md), and how text from outside is
 * made safe to quote in a log line, or in an error for a client.
 */

/** The prefix of every access key. */
export const KEY_PREFIX = 'gth_';

/** An access key, or enough of one that it should be hidden. */
export const KEY_FORM = /gth_[0-9A-Za-z]{16,}/gi;

/** A code, an access token, or a refresh token: `{user id}:{grant id}:{secret}`, also percent-encoded. */
const TOKEN_FORM = /[\w-]{32}(?::|%(?:25)*3a)[\w-]{16}(?::|%(?:25)*3a)[\w-]*/gi;

/** A signed or sealed token in compact form (RFC 7515, RFC 7516): identity tokens, links, sessions. */
const JOSE_FORM = /eyJ[\w-]{8,}(?:\.[\w-]*){2,4}/g;

/** Long enough to be the secret of a cookie or a device code, a signature, or a token of another issuer. */
const LONG_RUN = /[\w-]{40,}/g;

/** How many characters are searched for secrets: far more than are quoted. */
const SEARCHED = 4096;

/** The most characters of text from outside in a log line or an error. */
export const QUOTED = 100;

/**
 * Text from outside, made safe to quote: one line of at most `most` characters (UTF-16), without control and formatting
 * characters, and with `[key]`, `[token]`, or `[secret]` in place of anything that looks like one.
 */
export function quotable(text: string, most = QUOTED): string {
  const calm = hideSecrets(text.slice(0, Math.max(SEARCHED, most))).replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
  if (calm.length <= most) return calm;
  // Don't cut a surrogate pair in two.
  return `${calm.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** How deep a value may be nested, and how many members of each list or object are kept. */
const DEPTH = 4;
const MEMBERS = 30;

/**
 * A value for JSON whose texts, including the names of members, are {@link quotable}. What JSON can't hold is left out.
 */
export function quotableIn(value: unknown, most = QUOTED, depth = DEPTH): unknown {
  if (typeof value === 'string') return quotable(value, most);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'bigint') return quotable(value.toString(), most);
  if (typeof value !== 'object') return undefined;
  if (value instanceof Error) return quotable(`${value.name}: ${value.message}`, most);
  if (depth === 0) return '…';
  const inside = (one: unknown) => quotableIn(one, most, depth - 1);
  if (Array.isArray(value)) return value.slice(0, MEMBERS).map(inside);
  const members = Object.entries(value).slice(0, MEMBERS);
  return Object.fromEntries(members.map(([name, one]) => [quotable(name, most), inside(one)]));
}

function hideSecrets(text: string): string {
  return text
    .replace(KEY_FORM, '[key]')
    .replace(TOKEN_FORM, '[token]')
    .replace(JOSE_FORM, '[token]')
    .replace(LONG_RUN, (run) => (isRandom(run) ? '[secret]' : run));
}

/** Random text of this length has digits and letters of both cases; the name of a tool or a file hardly ever does. */
function isRandom(run: string): boolean {
  return /\d/.test(run) && /[a-z]/.test(run) && /[A-Z]/.test(run);
}
