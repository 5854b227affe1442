// @ts-check
import { createParser } from 'eventsource-parser';
import { asObject, CONNECTION_CLOSED, parseJson } from './message.js';
import { shown } from './say.js';

/** @import { Response } from 'undici' */
/** @import { RpcError } from './types.ts' */

/** @typedef {{ id?: string | undefined, data?: string, retry?: number }} StreamEvent */

/** Most characters of a refusal that are read. */
const LONGEST_REFUSAL = 64 * 1024;
const LONGEST_QUOTE = 300;

/** @param {Response} response */
export function mediaType(response) {
  return (response.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/**
 * The events of a stream, and its reconnection times (`retry`, in milliseconds).
 * @param {Response} response
 * @returns {AsyncGenerator<StreamEvent>}
 */
export async function* readEvents(response) {
  /** @type {StreamEvent[]} */
  const found = [];
  const parser = createParser({
    onEvent: ({ id, data, event }) => {
      const message = event === undefined || event === 'message';
      found.push({ id, ...(message ? { data } : {}) });
    },
    onRetry: (retry) => {
      found.push({ retry });
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* found.splice(0);
  }
}

/**
 * The JSON-RPC error for a refusal by status: the server's own if it sent one for this request, else one that says what
 * the status means.
 * @param {Response} response
 * @param {string | number | undefined} id the request's
 * @returns {Promise<RpcError>}
 */
export async function readRefusal(response, id) {
  const text = (await response.text().catch(() => '')).slice(0, LONGEST_REFUSAL);
  const body = asObject(parseJson(text));
  const error = asObject(body.error);
  const ours = body.id === undefined || body.id === null || body.id === id;
  if (ours && typeof error.code === 'number' && typeof error.message === 'string') {
    return /** @type {RpcError} */ (/** @type {unknown} */ (error));
  }
  const { status } = response;
  const said = [body.error_description, body.message, body.error].find((part) => typeof part === 'string');
  const scope = /\bscope="([^"]*)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1];
  const needed = status === 403 && scope ? `. Needed: ${scope}` : '';
  const quote = shown(`${said ?? meaning(status)}`.slice(0, LONGEST_QUOTE));
  return {
    code: CONNECTION_CLOSED,
    message: `The server answered ${status}: ${quote}${needed}`,
    data: { status, ...(scope ? { scope } : {}) },
  };
}

/**
 * Whether a server says that it doesn't know the session: 404 (MCP 2025-11-25, "Session management"), or 400 as from
 * the many servers that follow the first examples of the SDK.
 * @param {Response} response
 * @param {RpcError} refusal
 */
export function isSessionGone({ status }, { code, message }) {
  if (status === 404) return true;
  return status === 400 && code === CONNECTION_CLOSED && /session id|not initialized/i.test(message);
}

/** @param {number} status */
function meaning(status) {
  if (status === 404) return 'there is nothing at this URL';
  if (status === 405) return 'this URL doesn’t accept MCP messages';
  if (status === 413) return 'the message is too large';
  if (status === 429) return 'too many requests';
  return status >= 500 ? 'the server has a problem' : 'the request was rejected';
}
