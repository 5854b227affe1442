import type { Context } from 'hono';
import { DEFAULT_SCOPES, type Scope } from '../../account';
import { record } from '../../audit';
import { deploymentOf, type RequestContext } from '../../config';
import { type Resource, resourceMetadataUrl } from '../../resource';
import type { Refusal } from '../../result';
import type { PresentedCredentialRefusal } from './credentials';

/**
 * 401 with the challenge that tells a client where to sign in (RFC 6750 section 3, RFC 9728 section 5.1), and
 * a body for the person who sees it.
 */
export function challenge(
  c: Context,
  resource: Resource,
  refusal: Refusal,
  scopes: readonly string[] = DEFAULT_SCOPES,
): Response {
  const { origin, requestId } = deploymentOf(c);
  const missing = refusal.reason === ('credential_missing' satisfies PresentedCredentialRefusal);
  // A key whose owner has to show at their provider that they still are who they were.
  const ownWay = refusal.reason === ('sso_required' satisfies PresentedCredentialRefusal);
  const description = describe(missing, ownWay);
  const parameters = {
    ...(missing ? {} : { error: 'invalid_token', error_description: description }),
    resource_metadata: resourceMetadataUrl({ origin }, resource),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  };
  const header = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  if (!missing) record(c, { event: 'mcp_request', outcome: 'refused', ...refusal });
  const body = {
    error: ownWay ? refusal.reason : missing ? 'unauthorized' : 'invalid_token',
    error_description: description,
    message: ownWay
      ? `Its owner signs in with their organization first, at ${origin}/sign-in; then the key works again`
      : `This is an MCP server that people sign in to. Connect your AI app to ${resource.url}; how is told at ${origin}/`,
    sign_in: ownWay ? `${origin}/sign-in` : `${origin}/`,
    request_id: requestId,
  };
  return c.json(body, 401, {
    'WWW-Authenticate': `Bearer ${header.join(', ')}`,
    'Cache-Control': 'no-store',
  });
}

function describe(missing: boolean, ownWay: boolean): string {
  if (missing) return 'Sign in to use this server';
  return ownWay
    ? 'The owner of this access key must sign in with their organization'
    : 'The access token is not valid here, or no longer';
}

/** 403 that names every scope that an operation needs (RFC 6750 section 3.1; MCP, "Scope challenge handling"). */
export function challengeScope(
  work: Pick<RequestContext, 'var'>,
  resource: Resource,
  needed: readonly Scope[],
): Response {
  const { origin } = deploymentOf(work);
  const scope = needed.join(' ');
  const error_description = 'This needs a permission that was not given yet';
  const parameters = {
    error: 'insufficient_scope',
    error_description,
    scope,
    resource_metadata: resourceMetadataUrl({ origin }, resource),
  };
  const header = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  return Response.json(
    { error: 'insufficient_scope', error_description, scope },
    { status: 403, headers: { 'WWW-Authenticate': `Bearer ${header.join(', ')}` } },
  );
}
