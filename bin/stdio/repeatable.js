// @ts-check

/** @import { Message } from './types.ts' */
/** @import { KnownTools } from './tools.js' */

/** Methods that change nothing, or the second time what the first did. */
const REPEATABLE = new Set([
  ...['initialize', 'ping', 'server/discover', 'completion/complete', 'logging/setLevel'],
  ...['tools/list', 'prompts/list', 'prompts/get', 'resources/list', 'resources/read'],
  ...['resources/templates/list', 'resources/subscribe', 'resources/unsubscribe', 'tasks/get', 'tasks/list'],
]);

/**
 * Whether a request may be sent again when it may have arrived: methods that only read, and calls of tools whose
 * `readOnlyHint` says so. A request that can't have arrived is always sent again.
 * @param {Message} message
 * @param {KnownTools} tools
 */
export function isRepeatable({ method, params }, tools) {
  if (method === 'tools/call') return tools.isReadOnly(params.name);
  return method !== undefined && REPEATABLE.has(method);
}
