import type { Client } from '@modelcontextprotocol/client';
import type { Server } from '@modelcontextprotocol/server';

/** How many request ids one slot has. */
export const REQUESTS_EACH = 1_000;

/**
 * Makes one end of a session count its request ids from the first id of a slot. A session outlives restarts of its
 * object, and no id may be used twice in it (MCP 2025-11-25, "Requests"): a late answer to the first request would be
 * taken for the answer to the second.
 *
 * @param slot used once: the time in ms since the epoch, or a later number. Each has {@link REQUESTS_EACH} ids, which
 * is more than one end sends in a millisecond
 */
export function countRequestsFrom(end: Client | Server, slot: number): void {
  // The SDK always starts at 0 and has no option for it.
  Object.assign(end, { _requestMessageId: slot * REQUESTS_EACH });
}
