/*
 * Reading metadata documents of others leniently: a member that is null, empty, or of a wrong type counts as absent
 * (RFC 8414 section 3.2 and RFC 9728 section 3.2 say so for empty lists), and members that the gate doesn't use are
 * left out. What remains is judged by the SDK's schemas and by discovery.
 */

type Document = Record<string, unknown>;

/** Protected resource metadata (RFC 9728 section 2), with the members that the gate uses. */
export function readResourceMetadata(document: Document): Document {
  const { resource, authorization_servers, scopes_supported } = document;
  return present({
    resource,
    // It decides who gets codes and secrets: of a wrong type, it is kept, and the document is refused.
    authorization_servers: withoutEmpty(authorization_servers),
    scopes_supported: readTexts(scopes_supported),
  });
}

/**
 * Metadata of an authorization server (RFC 8414 section 2, OpenID Connect Discovery 1.0 section 3), with the members
 * that the gate uses. Members that the SDK requires and the gate has no use for are filled in.
 */
export function readServerMetadata(document: Document): Document {
  const { issuer, authorization_endpoint, token_endpoint } = document;
  const methods = readTexts(document.token_endpoint_auth_methods_supported);
  return present({
    issuer,
    authorization_endpoint,
    token_endpoint,
    registration_endpoint: readUrl(document.registration_endpoint),
    revocation_endpoint: readUrl(document.revocation_endpoint),
    scopes_supported: readTexts(document.scopes_supported),
    response_types_supported: readTexts(document.response_types_supported) ?? ['code'],
    token_endpoint_auth_methods_supported: methods,
    // A protection, and so not guessed from another type.
    code_challenge_methods_supported: readList(document.code_challenge_methods_supported),
    authorization_response_iss_parameter_supported: isTrue(
      document.authorization_response_iss_parameter_supported,
    ),
    client_id_metadata_document_supported: isTrue(document.client_id_metadata_document_supported),
    // Of OpenID Connect alone.
    jwks_uri: readUrl(document.jwks_uri) ?? token_endpoint,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  });
}

/** A document without the members that are undefined or null. */
function present(document: Document): Document {
  return Object.fromEntries(
    Object.entries(document).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** Null, `""`, and a list without anything in it count as absent. */
function withoutEmpty(value: unknown): unknown {
  if (!Array.isArray(value)) return value === '' ? undefined : value;
  const rest = value.filter((item) => item !== null && item !== '');
  return rest.length > 0 ? rest : undefined;
}

/** The texts of a list; a text alone is a list of one, or of words (`"a b"`). Undefined when there is none. */
function readTexts(value: unknown): string[] | undefined {
  return readList(typeof value === 'string' ? value.split(/\s+/) : value);
}

/** The texts of a list; undefined when it has none, or isn't a list. */
function readList(value: unknown): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((item): item is string => typeof item === 'string' && item !== '');
  return texts.length > 0 ? texts : undefined;
}

/** An http or https URL; undefined for all else. */
function readUrl(value: unknown): string | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
  return /^https?:$/.test(new URL(value).protocol) ? value : undefined;
}

/** Only `true` says something; undefined for all else. */
function isTrue(value: unknown): true | undefined {
  return value === true ? true : undefined;
}
