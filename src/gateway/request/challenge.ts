import type { Context } from 'hono';
import { DEFAULT_SCOPES, type Scope } from '../../account';
import { record } from '../../audit';
import { deploymentOf, type RequestContext } from '../../config';
import { type Resource, resourceMetadataUrl } from '../../resource';
import type { Refusal } from '../../result';
import type { PresentedCredentialRefusal } from './credentials';

/** The refusal of a request whose credential is missing or not good: everything that its challenge says. */
export interface CredentialChallenge {
  reason: 'unauthorized';
  /** `sso_required`: a key whose owner has to show at their provider that they still are who they were. */
  why: 'missing' | 'invalid' | 'sso_required';
  /** The resource that was asked for, and the gate's origin. */
  resource: Resource;
  origin: string;
  /** What the client should ask for; none for a server whose own authorization server decides. */
  scopes: readonly string[];
  requestId: string;
}

/** The refusal of a credential, which is recorded unless there was none. `resource`: what was asked for with it. */
export function unauthorized(
  c: Context,
  resource: Resource,
  refusal: Refusal,
  scopes: readonly string[] = DEFAULT_SCOPES,
): CredentialChallenge {
  const { origin, requestId } = deploymentOf(c);
  const why = whyOf(refusal.reason);
  if (why !== 'missing') record(c, { event: 'mcp_request', outcome: 'refused', ...refusal });
  return { reason: 'unauthorized', why, resource, origin, scopes, requestId };
}

function whyOf(reason: string): CredentialChallenge['why'] {
  if (reason === ('credential_missing' satisfies PresentedCredentialRefusal)) return 'missing';
  if (reason === ('sso_required' satisfies PresentedCredentialRefusal)) return 'sso_required';
  return 'invalid';
}

const DESCRIPTIONS: Record<CredentialChallenge['why'], string> = {
  missing: 'Sign in to use this server',
  invalid: 'The access token is not valid here, or no longer',
  sso_required: 'The owner of this access key must sign in with their organization',
};

/**
 * 401 with the challenge that tells a client where to sign in (RFC 6750 section 3, RFC 9728 section 5.1), and
 * a body for the person who sees it.
 */
export function challengeResponse({
  why,
  resource,
  origin,
  scopes,
  requestId,
}: CredentialChallenge): Response {
  const error_description = DESCRIPTIONS[why];
  const ownWay = why === 'sso_required';
  const header = bearerChallenge({
    ...(why === 'missing' ? {} : { error: 'invalid_token', error_description }),
    resource_metadata: resourceMetadataUrl({ origin }, resource),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  });
  const body = {
    error: ownWay ? why : why === 'missing' ? 'unauthorized' : 'invalid_token',
    error_description,
    message: ownWay
      ? `Its owner signs in with their organization at ${origin}/sign-in first; then the key works again`
      : `This is an MCP server that people sign in to. Connect your AI app to ${resource.url}; ${origin}/ shows how`,
    sign_in: ownWay ? `${origin}/sign-in` : `${origin}/`,
    request_id: requestId,
  };
  const headers = { 'WWW-Authenticate': header, 'Cache-Control': 'no-store' };
  return Response.json(body, { status: 401, headers });
}

/** The refusal of an operation that takes more scope: `needed` is all of it (MCP, "Scope challenge handling"). */
export function insufficientScope(
  work: Pick<RequestContext, 'var'>,
  resource: Resource,
  needed: readonly Scope[],
): { reason: 'insufficient_scope'; needed: readonly Scope[]; resourceMetadata: string } {
  const resourceMetadata = resourceMetadataUrl(deploymentOf(work), resource);
  return { reason: 'insufficient_scope', needed, resourceMetadata };
}

/** 403 that names every scope that an operation needs (RFC 6750 section 3.1). */
export function scopeChallengeResponse(needed: readonly Scope[], resource_metadata: string): Response {
  const error = 'insufficient_scope';
  const error_description = 'This needs a permission that was not given yet';
  const scope = needed.join(' ');
  const header = bearerChallenge({ error, error_description, scope, resource_metadata });
  const headers = { 'WWW-Authenticate': header };
  return Response.json({ error, error_description, scope }, { status: 403, headers });
}

function bearerChallenge(parameters: Record<string, string>): string {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  return `Bearer ${pairs.join(', ')}`;
}
