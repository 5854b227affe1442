import {
  type AuthorizationErrorCode,
  type AuthRequest,
  authorizationErrorRedirect,
  OAuthAuthorizationServer,
} from '@cloudflare/workers-oauth-provider';
import type {
  CheckedRequest,
  IssuedApproval,
  IssuedTokens,
  Issuer,
  IssuerRefusal,
  IssuingConfig,
} from '../../account';
import { mergedResource } from '../../resource';
import { ok, type Refusal, type Result, refuse } from '../../result';

/*
 * The one file that imports `@cloudflare/workers-oauth-provider`. It issues and validates; what it may see
 * and when it is called is decided elsewhere (docs/storage.md, "Why an object decides").
 */

/** The library's environment: it reads one binding. */
interface LibraryEnv {
  OAUTH_KV: KVNamespace;
}

/** Seconds that an unused registration is kept; each use past the half of it renews it. */
export const REGISTRATION_TTL = 90 * 24 * 3600;

type ReasonSink = (reason: IssuerRefusal['reason']) => void;

function authorizationServer(
  terms: Pick<IssuingConfig, 'origin' | 'resources'> & Partial<IssuingConfig>,
  onReason: ReasonSink,
): OAuthAuthorizationServer<LibraryEnv> {
  return new OAuthAuthorizationServer<LibraryEnv>({
    issuer: terms.origin,
    resources: terms.resources,
    defaultResource: mergedResource(terms).url,
    authorizeEndpoint: `${terms.origin}/authorize`,
    tokenEndpoint: `${terms.origin}/oauth/token`,
    clientRegistrationEndpoint: `${terms.origin}/oauth/register`,
    // Clients that the account sees are handed over by the gate, documents included: nothing is fetched.
    clientIdMetadataDocumentEnabled: false,
    clientRegistrationTTL: REGISTRATION_TTL,
    ...(terms.accessTtl === undefined ? {} : { accessTokenTTL: terms.accessTtl }),
    ...(terms.withoutRefresh ? { refreshTokenTTL: 0 } : {}),
    allowTokenExchangeGrant: true,
    onError: ({ internal }) => onReason(`${internal.category}/${internal.reason}`),
  });
}

/** Issues codes and tokens with the library, into the namespace that an `Account` gives it. */
export const libraryIssuer: Issuer = {
  async authorize(kv: KVNamespace, terms: IssuingConfig, approval: IssuedApproval): Promise<string> {
    const api = authorizationServer(terms, () => undefined).getOAuthApi({ OAUTH_KV: kv });
    const { redirectTo } = await api.completeAuthorization({
      request: libraryRequest(approval.request, terms.origin),
      userId: approval.userId,
      scope: approval.scope,
      props: approval.props,
      metadata: approval.metadata,
      revokeExistingGrants: false,
    });
    return redirectTo;
  },

  async token(
    kv: KVNamespace,
    terms: IssuingConfig,
    form: Record<string, string>,
  ): Promise<Result<IssuedTokens, IssuerRefusal>> {
    let reason: IssuerRefusal['reason'] = 'library/unknown';
    const server = authorizationServer(terms, (said) => {
      reason = said;
    });
    const request = new Request(`${terms.origin}/oauth/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...form, client_id: terms.client.client_id }),
    });
    const response = await server.fetch(request, { OAUTH_KV: kv }, NO_CONTEXT);
    if (response.ok) return ok((await response.json()) as IssuedTokens);
    const refused = (await response.json()) as Pick<IssuerRefusal, 'error' | 'error_description'>;
    return { ok: false, error: { reason, ...refused } };
  },
};

/** The error redirect of RFC 6749 section 4.1.2.1, with state and `iss` (RFC 9207). */
export function errorRedirect(
  request: Pick<CheckedRequest, 'redirect_uri' | 'state'>,
  issuer: string,
  code: AuthorizationErrorCode,
  description?: string,
): string {
  const { redirect_uri: redirectUri, state } = request;
  return authorizationErrorRedirect({ redirectUri, state, issuer }, code, description);
}

/** A registration as the library accepted it: the answer for the client, and the record for KV. */
export interface Registered {
  answer: Record<string, unknown>;
  record: Record<string, unknown>;
}

/** Registers a client with the library (RFC 7591) and returns what it would have stored. */
export async function registerWithLibrary(
  origin: string,
  metadata: object,
): Promise<Result<Registered, Refusal<IssuerRefusal['reason']>>> {
  let reason: IssuerRefusal['reason'] = 'library/unknown';
  let record: Record<string, unknown> = {};
  const capture = {
    put: async (_key: string, value: string) => {
      record = JSON.parse(value) as Record<string, unknown>;
    },
  };
  const server = authorizationServer({ origin, resources: [mergedResource({ origin }).url] }, (said) => {
    reason = said;
  });
  const request = new Request(`${origin}/oauth/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(metadata),
  });
  const env = { OAUTH_KV: capture as unknown as KVNamespace };
  const response = await server.fetch(request, env, NO_CONTEXT);
  const answer = (await response.json()) as Record<string, unknown>;
  if (response.status === 201) return ok({ answer, record });
  return refuse(reason, String(answer.error_description ?? ''));
}

function libraryRequest(request: CheckedRequest, issuer: string): AuthRequest {
  return {
    responseType: 'code',
    clientId: request.client_id,
    redirectUri: request.redirect_uri,
    scope: [],
    state: request.state,
    codeChallenge: request.code_challenge,
    codeChallengeMethod: 'S256',
    resource: request.resource,
    issuer,
  };
}

/** The library hands the context on to handlers that we don't use. */
const NO_CONTEXT = {
  waitUntil: () => undefined,
  passThroughOnException: () => undefined,
  props: {},
} as unknown as ExecutionContext;
