// @ts-check

/** @import { Message, RpcError } from './types.ts' */

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

/** Connection closed, as the SDKs call it. */
export const CONNECTION_CLOSED = -32000;
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;

/**
 * Reads a line from the client.
 * @param {string} text
 * @returns {{ message: Message } | { error: RpcError }}
 */
export function readMessage(text) {
  const value = parseJson(text);
  if (value === undefined) return { error: { code: PARSE_ERROR, message: 'This line isn’t JSON' } };
  if (Array.isArray(value))
    return { error: { code: INVALID_REQUEST, message: 'JSON-RPC batches are not supported' } };
  const { id, method, params, result, error } = asObject(value);
  const hasId = typeof id === 'string' || typeof id === 'number';
  const base = { text, id: hasId ? id : undefined, params: asObject(params) };
  if (typeof method === 'string') {
    const version = asObject(base.params._meta)[VERSION_KEY];
    const kind = hasId ? 'request' : 'notification';
    return {
      message: { ...base, kind, method, version: typeof version === 'string' ? version : undefined },
    };
  }
  if (hasId && (result !== undefined || error !== undefined))
    return { message: { ...base, kind: 'response', method: undefined, version: undefined } };
  return { error: { code: INVALID_REQUEST, message: 'This line isn’t a JSON-RPC message' } };
}

/**
 * A JSON text on one line. In JSON, newlines can only be between tokens, never inside a string.
 * @param {string} text
 */
export function oneLine(text) {
  return /[\r\n]/.test(text) ? text.trim().replace(/[\r\n]+/g, ' ') : text;
}

/**
 * @param {string | number | null} id
 * @param {RpcError} error
 */
export function errorLine(id, error) {
  return JSON.stringify({ jsonrpc: '2.0', id, error });
}

/**
 * @param {string} text
 * @returns {unknown} undefined when it isn't JSON
 */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>} empty for what is no object
 */
export function asObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? /** @type {Record<string, unknown>} */ (value)
    : {};
}
