import {
  accountOf,
  DEFAULT_SCOPES,
  type DirectApproval,
  highestRole,
  type Identity,
  includedScopes,
  OFFLINE_ACCESS,
  scopesWithin,
  usableServers,
} from '../../account';
import { seconds } from '../../clock';
import type { Deployment } from '../../config';
import { userIdOf } from '../../crypto';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { readTarget } from '../protocol/target';
import { issuerConfigOf, type TokenResponse } from '../protocol/token-request';

type PlanReason =
  | 'target_unknown'
  | 'target_out_of_reach'
  | 'role_missing'
  | 'scope_not_allowed'
  | 'expires_in_invalid';

/** A program that acts for itself, and the most that the settings give it. */
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
 * What a service account gets of what it asks for (`scope`, `resource` or `audience`, `expires_in` of the request).
 * Refused as `target_unknown` or `target_out_of_reach` (no such resource, or not for it), `role_missing` (the settings
 * give it none any more), `scope_not_allowed` (nothing of that scope), `expires_in_invalid`. Nothing has happened yet.
 */
export function planServiceAccount(
  deployment: Deployment,
  service: ServiceAccount,
  form: Record<string, string>,
): Result<DirectApproval, Refusal<PlanReason>> {
  const target = readTarget(deployment, form);
  if (!target.ok) return target;
  const resource = target.value;
  const { identity, client } = service;
  const role = highestRole(identity, deployment.settings);
  if (!role) return refuse('role_missing');

  const usable = usableServers(deployment.settings, identity).map(({ name }) => name);
  const reach = usable.filter((name) => service.servers?.includes(name) ?? true);
  if (resource.kind === 'server' && !reach.includes(resource.server)) {
    return refuse('target_out_of_reach');
  }
  const names = (form.scope ?? '').split(' ').filter((name) => name !== '' && name !== OFFLINE_ACCESS);
  const asked = names.length === 0 ? [...DEFAULT_SCOPES] : includedScopes(names);
  const most = service.scope && includedScopes(service.scope);
  const scope = scopesWithin(role, asked).filter((name) => most?.includes(name) ?? true);
  if (scope.length === 0) return refuse('scope_not_allowed');
  const life = readSeconds(form.expires_in);
  if (life === undefined) return refuse('expires_in_invalid');
  const expires_at = Math.min(service.expires_at, seconds() + life);
  const servers = resource.kind === 'server' ? [resource.server] : reach;
  return ok({ identity, client, resource: resource.url, scope, servers, expires_at });
}

/** Issues what was planned, in the account of the program. */
export async function issueToServiceAccount(
  deployment: Deployment,
  approval: DirectApproval,
): Promise<TokenResponse> {
  const { issuer, subject } = approval.identity;
  const userId = await userIdOf(deployment.keyring, issuer, subject);
  return accountOf(deployment.env, userId).issueDirectly(userId, issuerConfigOf(deployment), approval);
}

/** The `expires_in` of a request in seconds: infinite when it has none, undefined when it isn't a number of seconds. */
export function readSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
}
