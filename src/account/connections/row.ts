import { seconds } from '../../clock';
import { refuse } from '../../result';
import type { Connection, CredentialAnswer, CredentialRequest } from './credential';
import { type FreshnessVerdict, judgeFreshness } from './freshness';
import type { ConnectionRow } from './store';

/* What a connection's row says without being opened. */

/** Why a row is no answer; undefined when it may be one. */
export function missingFrom(
  row: ConnectionRow | undefined,
  wanted: CredentialRequest,
): CredentialAnswer | undefined {
  if (row?.auth !== wanted.auth) return refuse('not_connected');
  if (row.place !== wanted.place) return refuse('needs_reauthorization', 'server_moved');
  if (row.status !== 'connected') return refuse('needs_reauthorization', row.reason ?? undefined);
  return undefined;
}

/** Whether it may still be sent as it is. */
export function isGood(row: ConnectionRow, wanted: CredentialRequest): boolean {
  return wanted.refused !== row.credential_id && (row.expires_at === null || row.expires_at > seconds());
}

export function judge(row: ConnectionRow, wanted: CredentialRequest): FreshnessVerdict {
  return judgeFreshness({
    now: seconds(),
    renewedAt: row.renewed_at,
    expiresAt: row.expires_at,
    renewable: row.renewable === 1,
    retryAt: row.retry_at,
    refused: wanted.refused === row.credential_id,
  });
}

export function unavailable(retryAfter: number): CredentialAnswer {
  return { ok: false, error: { reason: 'provider_unavailable', retry_after: Math.max(1, retryAfter) } };
}

export function describe(row: ConnectionRow, readable: boolean): Connection {
  const { server, auth, place, status, reason, connected_at, renewed_at } = row;
  return {
    server,
    auth,
    place,
    status: readable ? status : 'needs_reauthorization',
    reason: readable ? (reason ?? undefined) : 'vault_unreadable',
    scope: row.scope ?? undefined,
    connected_at,
    renewed_at,
    last_used_at: row.last_used_at ?? undefined,
    expires_at: row.expires_at ?? undefined,
  };
}
