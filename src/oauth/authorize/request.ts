import type { Context } from 'hono';
import { type CheckedRequest, type IssuingClient, SCOPES, type Scope } from '../../account';
import { type Deployment, deploymentOf, type Role } from '../../config';
import type { FlowData } from '../../flow';
import { repeatedNames } from '../../http';
import { type Source, sourceOf } from '../../limits';
import { findResource, resourcesOf } from '../../resource';
import { ok, type Result } from '../../result';
import type { SignedIn } from '../../sign-in';
import { PageProblem } from '../../ui';
import { findClient } from '../clients/clients';
import { DOCUMENT_FAULTS } from '../clients/document-rules';
import { type CheckedRedirectUri, matchRedirectUri } from '../clients/redirect-uri';
import type { RequestSource } from '../device/authorization';
import type { Client } from '../protocol/client';
import { checkWithLibrary, errorRedirect, type RequestRefusal } from '../protocol/library';
import { askedScopes } from '../protocol/scope-request';

/** An authorization request that passed every check, ready to be asked about. */
export interface AuthorizationRequest {
  request: CheckedRequest;
  client: Client;
  /** The scopes that the client asked for, with those that they include. */
  asked: Scope[];
}

/** What an authorization flow keeps, sealed. */
export interface AuthorizationFlow extends FlowData, AuthorizationRequest {
  /** The device that asks, where nobody is sent back to a client. */
  device?: { id: string; user_code: string; code_verifier: string; from: RequestSource };
}

/** A signed-in person who has a role. */
export type Person = SignedIn & { role: Role };

/** Characters of a whole request. Real ones stay under 4,000. */
const MAX_QUERY = 16_384;

/** A request that can't be granted, of a client whose redirect is its own; `redirectTo` tells the client. */
export interface RefusedRequest extends RequestRefusal {
  client: Client;
}

/** What is wrong with a request: the client's error (RFC 6749 section 4.1.2.1), and a reason for the log. */
interface Fault {
  error: Parameters<typeof errorRedirect>[2];
  reason: string;
  detail: string;
}

/** The rules for what a request asks for, in order; empty parameters are left out by then. */
const CHECKS: readonly ((parameters: URLSearchParams) => Fault | undefined)[] = [
  noRequestObject,
  queryMode,
  s256Challenge,
  knownScope,
];

/**
 * The checks of an authorization request (RFC 6749 section 4.1.1), in order. Until client and redirect are
 * verified what is wrong ends with a page; after that it is an error for the client, see {@link RefusedRequest}.
 */
export async function checkAuthorizationRequest(
  c: Context,
): Promise<Result<AuthorizationRequest, RefusedRequest>> {
  const deployment = deploymentOf(c);
  const parameters = new URL(c.req.url).searchParams;
  checkSize(new URL(c.req.url).search);
  const client = await identifyClient(deployment, parameters, await sourceOf(c));
  const redirect_uri = checkRedirect(client, parameters);

  const reply = { redirect_uri, state: only(parameters, 'state') ?? '' };
  const repeated = parametersOnce(parameters);
  dropEmpty(parameters);
  const fault = repeated ?? CHECKS.map((check) => check(parameters)).find((found) => found !== undefined);
  if (fault) {
    const redirectTo = errorRedirect(reply, deployment.origin, fault.error, fault.detail);
    return { ok: false, error: { ...fault, redirectTo, client } };
  }
  spellResources(deployment, parameters);
  const checked = await checkWithLibrary(
    {
      origin: deployment.origin,
      resources: resourcesOf(deployment).map(({ url }) => url),
      accessTtl: 60,
      client: issuingClient(client),
    },
    parameters,
  );
  if (!checked.ok) return { ok: false, error: { ...checked.error, client } };
  const { resource } = checked.value;
  const code_challenge = parameters.get('code_challenge') ?? '';
  const asked = askedScopes(parameters.get('scope')) ?? [];
  return ok({ client, asked, request: { ...reply, client_id: client.client_id, code_challenge, resource } });
}

/** RFC 6749 section 3.1; RFC 8707 section 2 allows several resources. */
function parametersOnce(parameters: URLSearchParams): Fault | undefined {
  if (repeatedNames(parameters, ['resource']).length === 0) return undefined;
  const detail = 'A parameter is there more than once';
  return { error: 'invalid_request', reason: 'parameter_repeated', detail };
}

/** RFC 9101 is not supported, and must not be taken for left out. */
function noRequestObject(parameters: URLSearchParams): Fault | undefined {
  const name = ['request', 'request_uri'].find((one) => parameters.has(one));
  if (name === undefined) return undefined;
  return { error: 'invalid_request', reason: 'request_object', detail: `${name} is not supported` };
}

/** OAuth 2.0 Multiple Response Type Encoding Practices, section 2.1. */
function queryMode(parameters: URLSearchParams): Fault | undefined {
  if ((parameters.get('response_mode') ?? 'query') === 'query') return undefined;
  return { error: 'invalid_request', reason: 'response_mode', detail: 'response_mode must be query' };
}

/** RFC 7636 section 4.2; the library says that there must be one. */
function s256Challenge(parameters: URLSearchParams): Fault | undefined {
  if (/^([\w-]{43})?$/.test(parameters.get('code_challenge') ?? '')) return undefined;
  const detail = 'code_challenge must be an S256 challenge';
  return { error: 'invalid_request', reason: 'code_challenge', detail };
}

/** RFC 6749 section 3.3: something of what is asked for must be known to us. */
function knownScope(parameters: URLSearchParams): Fault | undefined {
  if (askedScopes(parameters.get('scope'))) return undefined;
  const detail = `scope must be among ${SCOPES.join(', ')}`;
  return { error: 'invalid_scope', reason: 'scope_unknown', detail };
}

/** A client as much as issuing needs of it. */
export function issuingClient(client: Client): IssuingClient {
  const { client_id, redirect_uris, grant_types, response_types } = client;
  return { client_id, redirect_uris, grant_types, response_types };
}

function checkSize(query: string): void {
  if (query.length > MAX_QUERY) throw new PageProblem('request_too_large');
}

/** `client_id`, once, of a client that we know (RFC 6749 section 4.1.2.1: else no redirect). */
async function identifyClient(
  deployment: Deployment,
  parameters: URLSearchParams,
  from: Source,
): Promise<Client> {
  checkOnce(parameters, 'client_id');
  const client_id = parameters.get('client_id');
  if (!client_id) throw new PageProblem('client_id_missing');
  const found = await findClient(deployment, client_id, from);
  if (found.ok) return found.value;
  const { reason, detail } = found.error;
  if (reason === 'client_unknown' || !URL.canParse(client_id)) throw new PageProblem('client_unknown');
  const invalid = (DOCUMENT_FAULTS as readonly string[]).includes(reason);
  throw new PageProblem(invalid ? 'client_document_invalid' : 'client_document_unreachable', {
    about: new URL(client_id).host,
    detail: `${reason} ${detail ?? ''}`,
  });
}

/** `redirect_uri`, once, and the client's own (OAuth 2.1 section 4.1.1; RFC 8252 section 7.3). */
function checkRedirect(client: Client, parameters: URLSearchParams): CheckedRedirectUri {
  checkOnce(parameters, 'redirect_uri');
  const requested = parameters.get('redirect_uri');
  if (!requested) throw new PageProblem('redirect_uri_missing');
  const matched = matchRedirectUri(requested, client.redirect_uris, client.redirect_templates);
  if (!matched) throw new PageProblem('redirect_uri_mismatch', { detail: client.client_id });
  return matched;
}

function checkOnce(parameters: URLSearchParams, name: string): void {
  if (parameters.getAll(name).length > 1) throw new PageProblem('parameter_repeated', { about: name });
}

/** A parameter without a value counts as left out (RFC 6749 section 3.1). */
function dropEmpty(parameters: URLSearchParams): void {
  for (const name of new Set(parameters.keys())) parameters.delete(name, '');
}

/** Each `resource` as the library knows it, which compares spellings (RFC 8707 section 2). */
function spellResources(deployment: Deployment, parameters: URLSearchParams): void {
  const named = parameters.getAll('resource');
  parameters.delete('resource');
  for (const name of named) {
    const found = findResource(deployment, name);
    parameters.append('resource', found.ok ? found.value.url : name);
  }
}

function only(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  return values.length === 1 ? values[0] : undefined;
}
