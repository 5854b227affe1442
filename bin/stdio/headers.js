// @ts-check

/** @import { Message } from './types.ts' */

/** The methods whose subject `Mcp-Name` repeats, and where the body has it. */
const NAMED = /** @type {Record<string, string>} */ ({
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
});

/**
 * The headers that repeat a stateless message (MCP 2026-07-28, "Standard request headers"); none for a message of the
 * 2025 era, whose headers belong to the session.
 * @param {Message} message
 * @returns {Record<string, string>}
 */
export function messageHeaders({ version, method, params }) {
  if (version === undefined || method === undefined) return {};
  const field = Object.hasOwn(NAMED, method) ? NAMED[method] : undefined;
  const subject = field === undefined ? undefined : params[field];
  return {
    'mcp-protocol-version': encodeHeader(version),
    'mcp-method': encodeHeader(method),
    ...(typeof subject === 'string' ? { 'mcp-name': encodeHeader(subject) } : {}),
  };
}

/**
 * A text as a header value: unchanged if that is allowed, otherwise in Base64 (MCP 2026-07-28, "Value encoding").
 * @param {string} text
 */
export function encodeHeader(text) {
  const plain = /^[!-~](?:[\t -~]*[!-~])?$/.test(text) && !/^=\?base64\?.*\?=$/.test(text);
  return plain ? text : `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}
