import { z } from 'zod';
import { ok, type Refusal, type Result, refuse } from '../../result';
import {
  ASSERTION_ALGORITHMS,
  type AssertionKeys,
  type Client,
  type ClientAuthMethod,
  GRANT_TYPES,
} from '../protocol/client';
import { judgeRegisteredRedirectUri } from './redirect-uri';

/** What a client metadata document can say that can't be accepted. */
export const DOCUMENT_FAULTS = [
  'client_id_mismatch',
  'document_malformed',
  'secret_published',
  'redirect_uri_dangerous',
  'redirect_uris_unusable',
  'auth_method_unsupported',
  'keys_unusable',
  'grant_types_unsupported',
] as const;
export type DocumentFault = (typeof DOCUMENT_FAULTS)[number];

const choices = z.array(z.string()).optional();
const documentSchema = z.object({
  client_name: z.string().trim().min(1).max(200),
  client_uri: z.string().optional().catch(undefined),
  redirect_uris: z.array(z.string()).min(1),
  grant_types: z.array(z.string()).default(['authorization_code']),
  response_types: z.array(z.string()).default(['code']),
  token_endpoint_auth_method: z.string().optional(),
  token_endpoint_auth_methods_supported: choices,
  token_endpoint_auth_signing_alg: z.string().optional(),
  token_endpoint_auth_signing_alg_values_supported: choices,
  jwks: z.object({ keys: z.array(z.looseObject({ kty: z.string() })) }).optional(),
  jwks_uri: z.string().optional(),
});
type Document = z.infer<typeof documentSchema>;

/**
 * Reads a client metadata document (draft-ietf-oauth-client-id-metadata-document-00 section 4, RFC 7591
 * section 2). Grant types, response types and authentication methods that aren't ours are left out, and so
 * are redirect URIs that could never be used; what is left must still make a client. JSON without a
 * `client_id` is `not_a_document`: an error body, not the owner's word.
 */
export function readClientDocument(
  url: string,
  json: unknown,
): Result<Client, Refusal<'not_a_document' | DocumentFault>> {
  if (typeof json !== 'object' || json === null || !('client_id' in json)) return refuse('not_a_document');
  if (json.client_id !== url) return refuse('client_id_mismatch');
  if ('client_secret' in json || 'client_secret_expires_at' in json) return refuse('secret_published');
  const parsed = documentSchema.safeParse(json);
  if (!parsed.success) return refuse('document_malformed', parsed.error.issues[0]?.path.join('.'));
  const document = parsed.data;
  if (document.jwks?.keys.some(isSecretKey)) return refuse('secret_published', 'jwks');

  const redirects = readRedirectUris(document);
  if (!redirects.ok) return redirects;
  const auth = readAuthMethods(document);
  if (!auth.ok) return auth;
  const grant_types = GRANT_TYPES.filter((type) => document.grant_types.includes(type));
  const response_types = document.response_types.filter((type) => type === 'code');
  if (!grant_types.includes('authorization_code') || response_types.length === 0) {
    return refuse('grant_types_unsupported');
  }
  return ok({
    client_id: url,
    kind: 'document',
    name: document.client_name,
    redirect_uris: redirects.value,
    ...auth.value,
    grant_types,
    response_types,
    domain: new URL(url).host,
    ...(isPlainHttps(document.client_uri) ? { uri: document.client_uri } : {}),
  });
}

function readRedirectUris({ redirect_uris }: Document): Result<string[], Refusal<DocumentFault>> {
  const verdicts = redirect_uris.map(judgeRegisteredRedirectUri);
  if (
    verdicts.some((verdict) => typeof verdict !== 'string' && verdict.reason === 'redirect_uri_dangerous')
  ) {
    return refuse('redirect_uri_dangerous');
  }
  if (!verdicts.includes('usable')) return refuse('redirect_uris_unusable');
  return ok(redirect_uris.filter((_, index) => typeof verdicts[index] === 'string'));
}

type Auth = Pick<Client, 'auth_methods' | 'assertion_keys'>;

/**
 * Every method that both sides can: the document gets no answer that would name one, so the client picks
 * from our metadata. Unusable keys only matter to a client that offers nothing but `private_key_jwt`.
 */
function readAuthMethods(document: Document): Result<Auth, Refusal<DocumentFault>> {
  const preferred = document.token_endpoint_auth_method;
  const offered = document.token_endpoint_auth_methods_supported ?? [preferred ?? 'none'];
  if (preferred !== undefined && !offered.includes(preferred)) {
    return refuse('document_malformed', 'token_endpoint_auth_method');
  }
  if (preferred?.startsWith('client_secret_')) return refuse('auth_method_unsupported', preferred);
  const keys = offered.includes('private_key_jwt') ? readAssertionKeys(document) : undefined;
  const auth_methods: ClientAuthMethod[] = [];
  if (offered.includes('none')) auth_methods.push('none');
  if (keys?.ok) auth_methods.push('private_key_jwt');
  if (auth_methods.length > 0) return ok({ auth_methods, ...(keys?.ok && { assertion_keys: keys.value }) });
  return keys && !keys.ok ? keys : refuse('auth_method_unsupported', offered.join(' '));
}

function readAssertionKeys(document: Document): Result<AssertionKeys, Refusal<'keys_unusable'>> {
  const { jwks, jwks_uri } = document;
  if ((jwks === undefined) === (jwks_uri === undefined)) {
    return refuse('keys_unusable', 'it needs either jwks or jwks_uri');
  }
  const single = document.token_endpoint_auth_signing_alg;
  const several = document.token_endpoint_auth_signing_alg_values_supported;
  const algorithms = ASSERTION_ALGORITHMS.filter(
    (alg) =>
      (single === undefined || single === alg) &&
      (several === undefined || several.includes(alg)) &&
      (jwks === undefined || jwks.keys.some((key) => canVerify(key, alg))),
  );
  if (algorithms.length === 0) return refuse('keys_unusable', 'no key for an algorithm that is taken');
  if (jwks) return ok({ jwks, algorithms });
  if (!isPlainHttps(jwks_uri)) return refuse('keys_unusable', 'jwks_uri must be an https URL');
  return ok({ jwks_uri, algorithms });
}

type PublishedKey = NonNullable<Document['jwks']>['keys'][number];

/** Private members of RFC 7518 sections 6.2.2 and 6.3.2, the symmetric `k`, RFC 8037's `d`. */
function isSecretKey(key: PublishedKey): boolean {
  return ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].some((member) => member in key);
}

function canVerify(key: PublishedKey, alg: (typeof ASSERTION_ALGORITHMS)[number]): boolean {
  if ((key.use ?? 'sig') !== 'sig' || (key.alg ?? alg) !== alg) return false;
  if (alg === 'ES256') return key.kty === 'EC' && key.crv === 'P-256';
  if (alg === 'EdDSA') return key.kty === 'OKP' && key.crv === 'Ed25519';
  return key.kty === 'RSA';
}

function isPlainHttps(uri: string | undefined): uri is string {
  const url = uri !== undefined && URL.canParse(uri) ? new URL(uri) : undefined;
  return url?.protocol === 'https:' && !url.username && !url.password && !url.hash;
}
