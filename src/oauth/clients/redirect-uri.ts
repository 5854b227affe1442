import { isLoopbackHost } from '../../hosts';
import { ok, type Refusal, type Result, refuse } from '../../result';

declare const checked: unique symbol;
/** A redirect URI that was matched against its client's: the only kind that may be redirected to. */
export type CheckedRedirectUri = string & { readonly [checked]: true };

export type RedirectUriRefusal =
  | 'redirect_uri_malformed'
  | 'redirect_uri_too_long'
  | 'redirect_uri_fragment'
  | 'redirect_uri_userinfo'
  | 'redirect_uri_wildcard'
  | 'redirect_uri_not_https'
  | 'redirect_uri_dangerous';

const MAX_LENGTH = 2000;
const MAX_URIS = 10;
/** RFC 3986 knows printable ASCII only; browsers read a backslash as a slash. */
const URI_CHARACTERS = /^[\x21-\x5b\x5d-\x7e]+$/;
const DANGEROUS_SCHEMES = [
  'javascript:',
  'data:',
  'vbscript:',
  'file:',
  'mailto:',
  'blob:',
  'about:',
  'filesystem:',
  'view-source:',
];

/** The names of this computer that stand for one place (RFC 8252 sections 7.3 and 8.3). */
const THIS_COMPUTER = ['localhost', '127.0.0.1', '[::1]'];
const LOOPBACK_URI = /^http:\/\/([a-z0-9.]+|\[::1\])(?::\d+)?([/?].*)?$/;

/**
 * The requested URI, if the client has it: the same string (OAuth 2.1 section 4.1.1), except that on
 * loopback the port is free (RFC 8252 section 7.3) and `localhost`, `127.0.0.1` and `[::1]` are the same.
 * Never one that isn't https or http on loopback, even if it is stored.
 */
export function matchRedirectUri(
  requested: string,
  registered: readonly string[],
  templates: readonly string[] = [],
): CheckedRedirectUri | undefined {
  if (judgeRegisteredRedirectUri(requested) !== 'usable') return undefined;
  const loopback = loopbackAddress(requested);
  const has =
    registered.includes(requested) ||
    (loopback !== undefined && registered.some((uri) => loopbackAddress(uri) === loopback)) ||
    templates.some((template) => fitsTemplate(requested, template));
  return has ? (requested as CheckedRedirectUri) : undefined;
}

/** Exact but for the one path segment `{id}`: letters, digits, `_` and `-`. */
function fitsTemplate(uri: string, template: string): boolean {
  const [before = '', after = ''] = template.split('{id}');
  if (!uri.startsWith(before) || !uri.endsWith(after)) return false;
  return /^[\w-]{1,128}$/.test(uri.slice(before.length, uri.length - after.length));
}

/** A loopback URI without what may differ; undefined for every other. Works on the text: nothing is decoded. */
function loopbackAddress(uri: string): string | undefined {
  const [, host, rest = ''] = LOOPBACK_URI.exec(uri) ?? [];
  if (host === undefined || !isLoopbackHost(host)) return undefined;
  return `${THIS_COMPUTER.includes(host) ? 'localhost' : host}${rest}`;
}

/**
 * What a URI that a client lists is good for: `usable` is one that a code may be sent to, `storable` a
 * private-use one (RFC 8252 section 7.1, such as Cursor's), kept next to a usable one and never used.
 */
export function judgeRegisteredRedirectUri(uri: string): 'usable' | 'storable' | Refusal<RedirectUriRefusal> {
  if (uri.length > MAX_LENGTH) return { reason: 'redirect_uri_too_long' };
  if (!URI_CHARACTERS.test(uri) || !URL.canParse(uri)) return { reason: 'redirect_uri_malformed' };
  const url = new URL(uri);
  if (DANGEROUS_SCHEMES.includes(url.protocol)) return { reason: 'redirect_uri_dangerous' };
  if (uri.includes('#')) return { reason: 'redirect_uri_fragment' };
  if (/^[^/?]*\/\/[^/?]*@/.test(uri)) return { reason: 'redirect_uri_userinfo' };
  if (uri.includes('*')) return { reason: 'redirect_uri_wildcard' };
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'storable';
  if (!/^https?:\/\/[^/?]/i.test(uri)) return { reason: 'redirect_uri_malformed' };
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return { reason: 'redirect_uri_not_https' };
  return 'usable';
}

/**
 * The `redirect_uris` of a registration (RFC 7591 section 2): 1 to 10, none that is refused, at least one
 * that can be used. The detail says which by its place in the list; it never quotes the URI.
 */
export function validateRedirectUris(uris: unknown): Result<string[], Refusal<'invalid_redirect_uri'>> {
  if (!Array.isArray(uris) || !uris.every((uri) => typeof uri === 'string')) {
    return refuse('invalid_redirect_uri', 'redirect_uris is not an array of strings');
  }
  if (uris.length === 0 || uris.length > MAX_URIS) {
    return refuse('invalid_redirect_uri', `redirect_uris must be 1 to ${MAX_URIS}, and are ${uris.length}`);
  }
  const verdicts = uris.map(judgeRegisteredRedirectUri);
  for (const [index, verdict] of verdicts.entries()) {
    if (typeof verdict === 'string') continue;
    return refuse('invalid_redirect_uri', `redirect_uris[${index}]: ${verdict.reason}`);
  }
  if (!verdicts.includes('usable')) {
    return refuse('invalid_redirect_uri', 'none of redirect_uris is https, or http on loopback');
  }
  return ok(uris);
}

/** Where a code would go, for the consent page: the host with its port, and whether it is this computer. */
export function describeRedirect(uri: CheckedRedirectUri): { host: string; loopback: boolean } {
  const url = new URL(uri);
  return { host: url.host, loopback: isLoopbackHost(url.hostname) };
}
