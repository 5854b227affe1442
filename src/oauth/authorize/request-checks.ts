import { SCOPES } from '../../account';
import { repeatedNames } from '../../http';
import { ok } from '../../result';
import { askedScopes } from '../protocol/scope-request';
import { requestedResource } from '../protocol/target';
import { PASSED, refuseToClient } from './refusal';
import type { RedirectableRequest } from './request';

/* What the client asks for. What is wrong here is an error for the client (RFC 6749 section 4.1.2.1). */

/** RFC 6749 section 3.1: no parameter more than once; RFC 8707 section 2 allows several resources. */
export function parametersOnce(request: RedirectableRequest) {
  if (repeatedNames(request.sent, ['resource']).length === 0) return PASSED;
  return refuseToClient(
    request,
    'invalid_request',
    'A parameter is there more than once',
    'parameter_repeated',
  );
}

/** RFC 9101 isn't supported: a request object must not be ignored, as if it had said nothing. */
export function noRequestObject(request: RedirectableRequest) {
  const name = ['request', 'request_uri'].find((one) => request.given.has(one));
  if (name === undefined) return PASSED;
  return refuseToClient(request, 'invalid_request', `${name} is not supported`, 'request_object');
}

/** RFC 6749 section 4.1.1: `response_type` is required. */
export function responseTypePresent(request: RedirectableRequest) {
  if (request.given.has('response_type')) return PASSED;
  return refuseToClient(request, 'invalid_request', 'response_type is required');
}

/** OAuth 2.1 section 4.1.1: the code flow is the only one. */
export function responseTypeCode(request: RedirectableRequest) {
  if (request.given.get('response_type') === 'code') return PASSED;
  return refuseToClient(request, 'unsupported_response_type', 'response_type must be code');
}

/** RFC 7591 section 2: a client uses the response types that it registered, no other. */
export function responseTypeRegistered(request: RedirectableRequest) {
  if (request.client.response_types.includes('code')) return PASSED;
  const detail = 'The client is not registered for response_type code';
  return refuseToClient(request, 'unauthorized_client', detail);
}

/** OAuth 2.0 Multiple Response Type Encoding Practices, section 2.1: the answer is in the query, the default of `code`. */
export function queryResponseMode(request: RedirectableRequest) {
  if ((request.given.get('response_mode') ?? 'query') === 'query') return PASSED;
  return refuseToClient(request, 'invalid_request', 'response_mode must be query', 'response_mode');
}

/** RFC 6749 section 3.3: a scope that we know must be among those asked for; others are ignored. */
export function scopeKnown(request: RedirectableRequest) {
  const asked = askedScopes(request.given.get('scope'));
  if (asked.ok) return ok({ asked: asked.value });
  const detail = `scope must be among ${SCOPES.join(', ')}`;
  return refuseToClient(request, 'invalid_scope', detail, asked.error.reason);
}

/** OAuth 2.1 section 4.1.1: PKCE is required, also of clients that have a secret. */
export function challengePresent(request: RedirectableRequest) {
  const code_challenge = request.given.get('code_challenge');
  if (code_challenge !== null) return ok({ code_challenge });
  return refuseToClient(request, 'invalid_request', 'code_challenge is required');
}

/** RFC 7636 section 4.2: an S256 challenge is 43 characters of base64url. */
export function challengeWellFormed(request: RedirectableRequest & { code_challenge: string }) {
  if (/^[\w-]{43}$/.test(request.code_challenge)) return PASSED;
  const detail = 'code_challenge must be an S256 challenge';
  return refuseToClient(request, 'invalid_request', detail, 'code_challenge');
}

/** RFC 7636 section 4.3: without a method it is `plain`, which isn't supported (OAuth 2.1 section 7.5.1). */
export function challengeMethodS256(request: RedirectableRequest) {
  if (request.given.get('code_challenge_method') === 'S256') return PASSED;
  return refuseToClient(request, 'invalid_request', 'code_challenge_method must be S256');
}

/**
 * RFC 8707 section 2: a resource of this deployment, `/mcp` where none is named. A query is left out: clients name the
 * URL that they were given, and section 2.2 lets the server issue for the more general resource.
 */
export function resourceKnown(request: RedirectableRequest) {
  const names = request.given.getAll('resource').map((name) => name.replace(/\?[^#]*$/, ''));
  const resource = requestedResource(request.deployment, names);
  if (resource.ok) return ok({ resource: resource.value });
  return refuseToClient(request, 'invalid_target', 'resource must be one resource of this server');
}
