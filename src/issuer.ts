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

/** The part of a shared issuer that stands for the tenant: in a setting, and in Entra's discovery document. */
const SHARED_TENANT = /\/(common|organizations)(?=\/|$)/i;
const TENANT_TEMPLATE = '{tenantid}';

/** A sign-in provider of the settings, as far as it says which issuers are its own. */
export interface IssuerSetting {
  issuer: string;
  /** The tenants of a shared issuer (`…/organizations/v2.0`) whose people may sign in; unset: it is one issuer. */
  tenants?: readonly string[] | undefined;
}

/**
 * Whether an ID token or a stored user with this `iss` is of that provider. A shared issuer of Entra is nobody's own:
 * each tenant has one, `…/{tenantid}/v2.0`, or `https://sts.windows.net/{tenantid}/` in tokens of version 1.
 */
export function isIssuerOf({ issuer, tenants }: IssuerSetting, iss: string): boolean {
  if (!tenants) return sameIssuer(issuer, iss);
  return tenants.some((tenant) => {
    const own = issuer.replace(SHARED_TENANT, `/${tenant}`);
    return sameIssuer(own, iss) || sameIssuer(`https://sts.windows.net/${tenant}/`, iss);
  });
}

/** Whether a discovery document that names itself so is that provider's: by its issuer, or by the tenants' template. */
export function isDocumentOf(provider: IssuerSetting, named: string): boolean {
  const [tenant] = provider.tenants ?? [];
  if (tenant === undefined) return sameIssuer(named, provider.issuer);
  return named.includes(TENANT_TEMPLATE) && isIssuerOf(provider, named.replace(TENANT_TEMPLATE, tenant));
}
