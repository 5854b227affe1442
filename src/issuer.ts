/*
 * What is one issuer, and what is one URL: the only place that compares them. A setting, a document and a token
 * may spell the same one in several ways, and a comparison of text then says that they are two.
 */

const HTTP_URL = /^(https?:\/\/[^/?#\\@\s]+)(.*)$/is;

/**
 * The canonical form of an http or https URL (RFC 3986 section 6.2.3, RFC 9110 section 4.2.3): scheme and host in
 * lower case, no default port, and no slash where that is the whole path. Path and query stay as they are: their
 * case counts. Text that is no such URL, or has userinfo, is returned as it is.
 */
export function canonicalUrl(text: string): string {
  const [, authority = '', rest = ''] = HTTP_URL.exec(text) ?? [];
  if (authority === '' || !URL.canParse(authority)) return text;
  return `${new URL(authority).origin}${rest === '/' ? '' : rest}`;
}

/** Whether two URLs name the same resource, audience or origin; other text must be the same text. */
export function sameUrl(one: string, other: string): boolean {
  return canonicalUrl(one) === canonicalUrl(other);
}

/**
 * The canonical form of an issuer: that of its URL, without a slash at the end. OpenID Connect Discovery 1.0
 * section 4.1 removes that slash before it asks for the document, so both spellings lead to one issuer. Issuers that
 * are no URL (`local`, `visitor`) are returned as they are.
 */
export function canonicalIssuer(issuer: string): string {
  const url = canonicalUrl(issuer);
  return HTTP_URL.test(url) && !/[?#]/.test(url) ? url.replace(/([^/])\/$/, '$1') : url;
}

/**
 * Whether two spellings name the same issuer: what a setting says, and what a document, a token or a stored user
 * does. Where a provider names itself twice (its document, its ID tokens and its callbacks), OpenID Connect Core
 * 1.0 section 3.1.3.7 and RFC 9207 section 2.4 demand the same text, and that is not compared here.
 */
export function sameIssuer(one: string, other: string): boolean {
  return canonicalIssuer(one) === canonicalIssuer(other);
}
