/*
 * Comparing issuers and URLs. A setting, a document, and a token may spell the same one in several ways, so a
 * comparison of their text isn't enough. Nothing else compares them.
 */

const HTTP_URL = /^(https?:\/\/[^/?#\\@\s]+)(.*)$/is;

/**
 * The canonical form of an http or https URL (RFC 3986 section 6.2.3, RFC 9110 section 4.2.3): scheme and host in lower
 * case, no default port, and no slash if that is the whole path. Path and query stay as they are, since their case
 * matters. Other text, and a URL with userinfo, is returned as it is.
 */
export function canonicalUrl(text: string): string {
  const [, authority = '', rest = ''] = HTTP_URL.exec(text) ?? [];
  if (authority === '' || !URL.canParse(authority)) return text;
  return `${new URL(authority).origin}${rest === '/' ? '' : rest}`;
}

/** Whether two URLs name the same resource, audience, or origin. Other texts must be equal. */
export function sameUrl(one: string, other: string): boolean {
  return canonicalUrl(one) === canonicalUrl(other);
}

/**
 * The canonical form of an issuer: that of its URL, without a slash at the end. OpenID Connect Discovery 1.0
 * section 4.1 removes that slash before it fetches the document, so both spellings mean the same issuer. Issuers that
 * aren't URLs (`local`, `visitor`) are returned as they are.
 */
export function canonicalIssuer(issuer: string): string {
  const url = canonicalUrl(issuer);
  return HTTP_URL.test(url) && !/[?#]/.test(url) ? url.replace(/([^/])\/$/, '$1') : url;
}

/**
 * Whether two spellings name the same issuer, such as that of a setting and that of a document, a token, or a stored
 * user. Where a provider names itself twice (in its document, its ID tokens, and its callbacks), OpenID Connect Core
 * 1.0 section 3.1.3.7 and RFC 9207 section 2.4 require equal text: don't use this there.
 */
export function sameIssuer(one: string, other: string): boolean {
  return canonicalIssuer(one) === canonicalIssuer(other);
}
