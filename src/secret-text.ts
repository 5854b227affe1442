/*
 * What the gate's own secrets look like as text (docs/access-keys.md, docs/storage.md), and how text that others
 * wrote is made fit to be quoted: in a log line, or in an error that goes back to a client.
 */

/** What every access key begins with. */
export const KEY_PREFIX = 'gth_';

/** An access key, whole or in part, mistyped or not: from so many characters on it is worth hiding. */
export const KEY_FORM = /gth_[0-9A-Za-z]{16,}/gi;

/** A code, an access token or a refresh token: `{user id}:{grant id}:{secret}`, also as an address has it. */
const TOKEN_FORM = /[\w-]{32}(?::|%(?:25)*3a)[\w-]{16}(?::|%(?:25)*3a)[\w-]*/gi;

/** A signed or sealed token in compact form (RFC 7515, RFC 7516): identity tokens, links, sessions. */
const JOSE_FORM = /eyJ[\w-]{8,}(?:\.[\w-]*){2,4}/g;

/** Long enough for a cookie's or a device code's secret, a signature, another's token. */
const LONG_RUN = /[\w-]{40,}/g;

/** How much is looked at: a secret that is cut off here is far behind what is quoted. */
const LOOKED_AT = 4096;

/** The most characters of somebody else's text in a log line or an error. */
export const QUOTED = 100;

/**
 * Text that somebody else wrote, as it may be quoted: one line of at most `most` characters (UTF-16), without
 * control and formatting characters, and with a mark (`[key]`, `[token]`, `[secret]`) for what looks like one.
 */
export function quotable(text: string, most = QUOTED): string {
  const calm = hideSecrets(text.slice(0, Math.max(LOOKED_AT, most))).replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
  if (calm.length <= most) return calm;
  // A pair of surrogates is cut before, not through.
  return `${calm.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** How deep a value is looked into, and how many members of each list or table are kept. */
const DEPTH = 4;
const MEMBERS = 30;

/** A value for JSON whose texts, names of members included, are {@link quotable}; what JSON can't hold is left out. */
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

/** Random text of this length has all three; a tool's or a file's name hardly ever. */
function isRandom(run: string): boolean {
  return /\d/.test(run) && /[a-z]/.test(run) && /[A-Z]/.test(run);
}
