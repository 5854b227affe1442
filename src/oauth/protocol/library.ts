import {
  type AuthorizationErrorCode,
  authorizationErrorRedirect,
  OAuthAuthorizationServer,
} from '@cloudflare/workers-oauth-provider';
import type {
  CheckedRequest,
  IssuedTokens,
  Issuer,
  IssuerRecords,
  IssuerRefusal,
  IssuingConfig,
} from '../../account';
import { mergedResource } from '../../resource';
import { ok, type Result } from '../../result';

/*
 * The one file that imports `@cloudflare/workers-oauth-provider`. The library makes and checks codes, tokens and
 * registrations. What it reads, what is stored of what it writes, and when it is called is decided elsewhere
 * (docs/adr/0002-the-oauth-library.md).
 */

/** The library's environment: it uses one binding. */
interface LibraryEnv {
  OAUTH_KV: KVNamespace;
}

/** Seconds until a registration expires. A use in the second half of it renews the registration. */
export const REGISTRATION_TTL = 90 * 24 * 3600;

/** What the library needs to know of the deployment. The rest of {@link IssuingConfig} only to issue. */
type LibraryConfig = Pick<IssuingConfig, 'origin' | 'resources'> & Partial<IssuingConfig>;

/** Issues codes and tokens with the library, as records that the `Account` stores. */
export const libraryIssuer: Issuer = {
  async authorize(records, config, { request, userId, scope, props, metadata }) {
    const api = authorizationServer(config).getOAuthApi({ OAUTH_KV: namespaceOf(records) });
    const { redirectTo } = await api.completeAuthorization({
      request: {
        responseType: 'code',
        clientId: request.client_id,
        redirectUri: request.redirect_uri,
        scope: [],
        state: request.state,
        codeChallenge: request.code_challenge,
        codeChallengeMethod: 'S256',
        resource: request.resource,
        issuer: config.origin,
      },
      userId,
      scope,
      props,
      metadata,
      revokeExistingGrants: false,
    });
    return redirectTo;
  },

  token(records, config, form) {
    const body = new URLSearchParams({ ...form, client_id: config.client.client_id });
    return callEndpoint<IssuedTokens>(records, config, '/oauth/token', body);
  },
};

/** A registration as the library accepted it: the answer for the client, and the record for KV. */
export interface Registered {
  answer: Record<string, unknown>;
  record: Record<string, unknown>;
}

/** Lets the library check a registration (RFC 7591 section 2). Nothing is stored: the record is returned. */
export async function registerWithLibrary(
  origin: string,
  metadata: object,
): Promise<Result<Registered, IssuerRefusal>> {
  let record: Record<string, unknown> = {};
  const written: IssuerRecords = {
    read: async () => undefined,
    write: async (_key, value) => {
      record = JSON.parse(value) as Record<string, unknown>;
    },
  };
  const config = { origin, resources: [mergedResource({ origin }).url] };
  const body = new Blob([JSON.stringify(metadata)], { type: 'application/json' });
  const answer = await callEndpoint<Registered['answer']>(written, config, '/oauth/register', body);
  return answer.ok ? ok({ answer: answer.value, record }) : answer;
}

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

/** Posts to one of the library's endpoints. A refusal has the tag that the library has for its own log. */
async function callEndpoint<Answer>(
  records: IssuerRecords,
  config: LibraryConfig,
  path: string,
  body: BodyInit,
): Promise<Result<Answer, IssuerRefusal>> {
  let reason: IssuerRefusal['reason'] = 'library/unknown';
  const server = authorizationServer(config, (said) => {
    reason = said;
  });
  const request = new Request(`${config.origin}${path}`, { method: 'POST', body });
  // These endpoints don't use the execution context.
  const response = await server.fetch(request, { OAUTH_KV: namespaceOf(records) }, {} as ExecutionContext);
  if (response.ok) return ok((await response.json()) as Answer);
  const refused = (await response.json()) as Pick<IssuerRefusal, 'error' | 'error_description'>;
  return { ok: false, error: { reason, ...refused } };
}

function authorizationServer(
  config: LibraryConfig,
  onRefusal: (reason: IssuerRefusal['reason']) => void = () => undefined,
): OAuthAuthorizationServer<LibraryEnv> {
  return new OAuthAuthorizationServer<LibraryEnv>({
    issuer: config.origin,
    resources: config.resources,
    defaultResource: mergedResource(config).url,
    authorizeEndpoint: `${config.origin}/authorize`,
    tokenEndpoint: `${config.origin}/oauth/token`,
    clientRegistrationEndpoint: `${config.origin}/oauth/register`,
    // The gate resolves metadata documents itself; the library gets the client's record.
    clientIdMetadataDocumentEnabled: false,
    clientRegistrationTTL: REGISTRATION_TTL,
    ...(config.accessTtl === undefined ? {} : { accessTokenTTL: config.accessTtl }),
    ...(config.withoutRefresh ? { refreshTokenTTL: 0 } : {}),
    allowTokenExchangeGrant: true,
    onError: ({ internal }) => onRefusal(`${internal.category}/${internal.reason}`),
  });
}

/** Records as a KV namespace. What the library does here reads JSON by `get`, writes by `put`, and calls nothing else. */
function namespaceOf(records: IssuerRecords): KVNamespace {
  const namespace = {
    get: async (key: string) => JSON.parse((await records.read(key)) ?? 'null') as unknown,
    put: (key: string, value: string, options?: KVNamespacePutOptions) =>
      records.write(key, value, options?.metadata),
  };
  return namespace as unknown as KVNamespace;
}
