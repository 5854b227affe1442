import {
  accountOf,
  DEFAULT_SCOPES,
  type DirectApproval,
  highestRole,
  type Identity,
  includedScopes,
  OFFLINE_ACCESS,
  scopesWithin,
  type TokenAnswer,
  usableServers,
} from '../../account';
import { seconds } from '../../clock';
import type { Deployment } from '../../config';
import { userIdOf } from '../../crypto';
import { ok, type Result } from '../../result';
import { readTarget } from '../protocol/target';
import { issuerConfigOf, oauthError } from '../protocol/token-request';

/** A principal that no person signed in as, and the most that the settings give it. */
export interface ServiceAccount {
  identity: Identity;
  client: DirectApproval['client'];
  /** Names; undefined: every server that it may use. */
  servers: string[] | undefined;
  /** Undefined: what its role allows. */
  scope: string[] | undefined;
  /** Seconds since the epoch. */
  expires_at: number;
}

/**
 * What a service gets of what it asks for (`scope`, `resource` or `audience`, `expires_in` of the request), or
 * the error that it gets instead. Nothing has happened yet.
 */
export function planServiceAccount(
  deployment: Deployment,
  service: ServiceAccount,
  form: Record<string, string>,
): Result<DirectApproval, TokenAnswer> {
  const target = readTarget(deployment, form);
  if (!target.ok) return refused('invalid_target', 'There is no such resource', target.error.reason);
  const resource = target.value;
  const { identity, client } = service;
  const role = highestRole(identity, deployment.settings);
  if (!role) return refused('invalid_grant', 'The settings give it no role', 'role_missing');

  const usable = usableServers(deployment.settings, identity).map(({ name }) => name);
  const reach = usable.filter((name) => service.servers?.includes(name) ?? true);
  if (resource.kind === 'server' && !reach.includes(resource.server)) {
    return refused('invalid_target', 'There is no such resource', 'target_out_of_reach');
  }
  const names = (form.scope ?? '').split(' ').filter((name) => name !== '' && name !== OFFLINE_ACCESS);
  const asked = names.length === 0 ? [...DEFAULT_SCOPES] : includedScopes(names);
  const most = service.scope && includedScopes(service.scope);
  const scope = scopesWithin(role, asked).filter((name) => most?.includes(name) ?? true);
  if (scope.length === 0)
    return refused('invalid_scope', 'Nothing of this scope can be had', 'scope_not_allowed');
  const life = readSeconds(form.expires_in);
  if (life === undefined) {
    return refused('invalid_request', 'expires_in must be a number of seconds', 'expires_in_invalid');
  }
  const expires_at = Math.min(service.expires_at, seconds() + life);
  const servers = resource.kind === 'server' ? [resource.server] : reach;
  return ok({ identity, client, resource: resource.url, scope, servers, expires_at });
}

/** Issues what was planned, in the account of its principal. */
export async function issueToServiceAccount(
  deployment: Deployment,
  approval: DirectApproval,
): Promise<TokenAnswer> {
  const { issuer, subject } = approval.identity;
  const userId = await userIdOf(deployment.keyring, issuer, subject);
  return accountOf(deployment.env, userId).issueDirectly(userId, issuerConfigOf(deployment), approval);
}

/** The `expires_in` that a request asks for; infinite when it asks for none, undefined when it isn't one. */
export function readSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
}

function refused(error: string, description: string, reason: string): { ok: false; error: TokenAnswer } {
  return { ok: false, error: oauthError(error, description, reason) };
}
