import type { ProviderSettings } from '../../account';

/*
 * What authorization servers that many people use want beyond, or against, the specification: facts as data. An entry
 * says only what its source says. Settings of a server override its profile.
 */

/** How the gate talks to an authorization server. */
export interface ProviderBehavior {
  /** Whether requests have a `resource` parameter (RFC 8707). */
  resource: boolean;
  /** The scope of refresh requests: `true` for the one that was requested, `false` for none. */
  refresh_scope: boolean | string;
  /** More parameters of the authorization request. */
  authorize_parameters: Readonly<Record<string, string>>;
  /** Where in a token answer the access token is; undefined: at the top, as in RFC 6749 section 5.1. */
  token_path: string | undefined;
  /** What is between scopes in the authorization request. */
  scope_separator: string;
  /** Client authentication that overrides the metadata's list. */
  token_endpoint_auth_method: string | undefined;
  /** It supports PKCE with S256, although its metadata may not say so. */
  pkce: boolean;
}

interface ProviderProfile {
  /** Hosts of its token endpoint. */
  hosts: readonly string[];
  /** The path of its token endpoint; unset: any. */
  path?: RegExp;
  behavior: Partial<ProviderBehavior>;
}

const PROFILES: readonly ProviderProfile[] = [
  {
    // Microsoft Entra ID, v2.0 endpoints, all clouds.
    // No `resource`: AADSTS901002 and AADSTS9010010,
    // https://github.com/modelcontextprotocol/csharp-sdk/issues/741 (2025-08),
    // https://github.com/punkpeye/mcp-remote/issues/217 (2026-01).
    // `scope` in refresh requests, else AADSTS90009:
    // https://github.com/modelcontextprotocol/typescript-sdk/issues/2718 (2026-08).
    // PKCE, which its metadata doesn't announce:
    // https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow (2026-11).
    hosts: ['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn'],
    path: /\/oauth2\/v2\.0\/token$/,
    behavior: { resource: false, refresh_scope: true, pkce: true },
  },
  {
    // Google. A refresh token only with `access_type=offline`, and again only with `prompt=consent`:
    // https://developers.google.com/identity/protocols/oauth2/web-server#offline (2026-11).
    hosts: ['oauth2.googleapis.com'],
    behavior: { authorize_parameters: { access_type: 'offline', prompt: 'consent' } },
  },
  {
    // Dropbox. A refresh token only with `token_access_type=offline`:
    // https://developers.dropbox.com/oauth-guide (2026-11).
    hosts: ['api.dropboxapi.com', 'api.dropbox.com', 'www.dropbox.com'],
    behavior: { authorize_parameters: { token_access_type: 'offline' } },
  },
  {
    // Slack. The person's own token is in `authed_user`, a token at the top is the bot's; scopes with commas:
    // https://docs.slack.dev/reference/methods/oauth.v2.access (2026-11).
    hosts: ['slack.com'],
    path: /^\/api\/oauth\.v2\.access$/,
    behavior: { token_path: 'authed_user.access_token', scope_separator: ',' },
  },
];

/**
 * How to talk to the authorization server with this token endpoint: as the settings say, else as its profile, else as
 * the specification. At endpoints of the settings (`fixed`), nothing is sent that the settings don't name: no
 * `resource`, and no parameters of a profile.
 */
export function behaviorOf(settings: ProviderSettings | undefined, tokenEndpoint: string): ProviderBehavior {
  const { fixed = false, ...set }: Partial<ProviderSettings> = settings ?? {};
  const { authorize_parameters: added, ...profile } = profileOf(tokenEndpoint);
  return {
    resource: set.resource ?? (fixed ? false : (profile.resource ?? true)),
    refresh_scope: set.refresh_scope ?? profile.refresh_scope ?? false,
    authorize_parameters: { ...(fixed ? {} : added), ...set.authorize_parameters },
    token_path: set.token_path ?? profile.token_path,
    scope_separator: set.scope_separator ?? profile.scope_separator ?? ' ',
    token_endpoint_auth_method: set.token_endpoint_auth_method ?? profile.token_endpoint_auth_method,
    pkce: profile.pkce ?? false,
  };
}

function profileOf(tokenEndpoint: string): Partial<ProviderBehavior> {
  const { hostname, pathname } = new URL(tokenEndpoint);
  const found = PROFILES.find(
    ({ hosts, path }) => hosts.includes(hostname) && (path === undefined || path.test(pathname)),
  );
  return found?.behavior ?? {};
}
