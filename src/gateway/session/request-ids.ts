import type { Client } from '@modelcontextprotocol/client';
import type { Server } from '@modelcontextprotocol/server';

/** How many requests one end may send before its ids could be another's. */
export const REQUESTS_EACH = 1_000;

/**
 * Has one end of a session count its requests from where nobody was. The session goes on when its object has
 * slept or was restarted, and an id must not come twice in it (MCP 2025-11-25, "Requests"): a late answer to the
 * first would be taken for one to the second. `slot`: ms since the epoch or later, each given once; more than a
 * thousand requests for each of them nobody sends.
 */
export function countRequestsFrom(end: Client | Server, slot: number): void {
  // The SDK always begins with 0 and has no option for it.
  Object.assign(end, { _requestMessageId: slot * REQUESTS_EACH });
}
