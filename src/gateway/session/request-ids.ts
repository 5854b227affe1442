import type { Client } from '@modelcontextprotocol/client';
import type { Server } from '@modelcontextprotocol/server';

/**
 * Has one end of a session count its requests from where it never was. The session goes on when its object has
 * slept or was restarted, and an id must not come twice in it (MCP 2025-11-25, "Requests"): a late answer to the
 * first would be taken for one to the second. `now`: ms since the epoch; more than a thousand requests for each
 * of them nobody sends.
 */
export function countRequestsFrom(end: Client | Server, now: number): void {
  // The SDK always begins with 0 and has no option for it.
  Object.assign(end, { _requestMessageId: now * 1_000 });
}
