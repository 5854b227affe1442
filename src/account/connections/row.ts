import { seconds } from '../../clock';
import { refuse } from '../../result';
import type { Connection, CredentialAnswer, CredentialRequest } from './credential';
import { type FreshnessVerdict, judgeFreshness } from './freshness';
import type { ConnectionRow } from './store';

/* What is known of a connection by its row, without decrypting it. */

/** Why a row can't be used for a request; undefined when it may be. */
export function missingFrom(
  row: ConnectionRow | undefined,
  wanted: CredentialRequest,
): CredentialAnswer | undefined {
  if (row?.auth !== wanted.auth) return refuse('not_connected');
  if (row.place !== wanted.place) return refuse('needs_reauthorization', 'server_moved');
  if (row.status !== 'connected') return refuse('needs_reauthorization', row.reason ?? undefined);
  return undefined;
}

/** Whether its credential hasn't expired, and wasn't refused by the server. */
export function isGood(row: ConnectionRow, wanted: CredentialRequest): boolean {
  return wanted.refused !== row.credential_id && (row.expires_at === null || row.expires_at > seconds());
}

/** {@link judgeFreshness} of a row. */
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

/** The refusal while the provider can't be asked. `retryAfter`: seconds. */
export function unavailable(retryAfter: number): CredentialAnswer {
  return { ok: false, error: { reason: 'provider_unavailable', retry_after: Math.max(1, retryAfter) } };
}

/** A connection as its user sees it. `readable`: whether the master key that encrypted it is still there. */
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
