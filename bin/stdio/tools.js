// @ts-check
import { encodeHeader } from './headers.js';
import { asObject } from './message.js';

/** Real schemas are less deep. */
const DEEPEST = 32;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Most pages of a list that the bridge requests on its own. */
const MOST_PAGES = 64;

/** @typedef {{ path: string[], name: string }} Mirrored an argument that a header repeats */

/**
 * What the tool lists that passed through say about each tool: which arguments its calls repeat as headers, and whether
 * it only reads.
 */
export class KnownTools {
  /** @type {Map<string, { readOnly: boolean, mirrored: Mirrored[] }>} */
  #tools = new Map();

  /**
   * @param {unknown} result of `tools/list`
   * @returns {string | undefined} the cursor of the next page
   */
  learn(result) {
    const { tools, nextCursor } = asObject(result);
    for (const tool of Array.isArray(tools) ? tools.map(asObject) : []) {
      if (typeof tool.name !== 'string') continue;
      const readOnly = asObject(tool.annotations).readOnlyHint === true;
      this.#tools.set(tool.name, { readOnly, mirrored: mirroredArguments(tool.inputSchema) });
    }
    return typeof nextCursor === 'string' ? nextCursor : undefined;
  }

  /** @param {unknown} name */
  isReadOnly(name) {
    return typeof name === 'string' && this.#tools.get(name)?.readOnly === true;
  }

  /**
   * `Mcp-Param-…` of a call (MCP 2026-07-28, "Custom headers from tool parameters").
   * @param {Record<string, unknown>} params of `tools/call`
   * @returns {Record<string, string>}
   */
  paramHeaders(params) {
    const tool = typeof params.name === 'string' ? this.#tools.get(params.name) : undefined;
    /** @type {Record<string, string>} */
    const headers = {};
    for (const { path, name } of tool?.mirrored ?? []) {
      const value = path.reduce(
        (/** @type {unknown} */ node, key) => asObject(node)[key],
        /** @type {unknown} */ (params.arguments),
      );
      const text = textOf(value);
      if (text !== undefined) headers[`mcp-param-${name.toLowerCase()}`] = encodeHeader(text);
    }
    return headers;
  }
}

/**
 * Requests the tool list, after a call was rejected because headers that repeat its arguments are missing: the list
 * says which arguments those are.
 * @param {KnownTools} tools
 * @param {Record<string, unknown>} params of the call
 * @param {(text: string) => Promise<{ result: unknown }>} ask sends a request; throws when it is refused
 * @returns {Promise<boolean>} whether the call's headers would be others now
 */
export async function relearnTools(tools, params, ask) {
  const before = JSON.stringify(tools.paramHeaders(params));
  const { progressToken: _, ...meta } = asObject(params._meta);
  let cursor;
  for (let page = 0; page < MOST_PAGES; page++) {
    const body = { _meta: meta, ...(cursor === undefined ? {} : { cursor }) };
    const { result } = await ask(
      JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'tools/list', params: body }),
    );
    cursor = tools.learn(result);
    if (cursor === undefined) break;
  }
  return JSON.stringify(tools.paramHeaders(params)) !== before;
}

/**
 * The properties of an input schema that have `x-mcp-header`, at any depth below `properties`.
 * @param {unknown} schema
 * @param {string[]} path
 * @returns {Mirrored[]}
 */
function mirroredArguments(schema, path = []) {
  if (path.length > DEEPEST) return [];
  return Object.entries(asObject(asObject(schema).properties)).flatMap(([key, child]) => {
    const name = asObject(child)['x-mcp-header'];
    const here = [...path, key];
    const own = typeof name === 'string' && TOKEN.test(name) ? [{ path: here, name }] : [];
    return [...own, ...mirroredArguments(child, here)];
  });
}

/**
 * @param {unknown} value
 * @returns {string | undefined} undefined: no header
 */
function textOf(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}
