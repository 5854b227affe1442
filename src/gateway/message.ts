import {
  classifyInboundRequest,
  type InboundClassificationOutcome,
  type JSONRPCMessage,
} from '@modelcontextprotocol/server';
import { decodeUtf8, readBody } from '../http';
import { quotable, quotableIn } from '../secret-text';
import { type MessageRefusal, rpcError } from './rpc-error';

/** The revision of MCP without sessions. */
export const STATELESS_VERSION = '2026-07-28';

/** A message that a client sent, read once: what policy decides on, and the bytes that are sent on. */
export interface Message {
  /** `modern`: stateless, with `_meta` in the body; `legacy`: with sessions (2025). */
  era: 'modern' | 'legacy';
  bytes: Uint8Array;
  /** A request's id; undefined of notifications and responses. */
  id: string | number | undefined;
  method: string | undefined;
  params: Record<string, unknown>;
}

/** The methods whose subject the `Mcp-Name` header repeats, and where the body has it. */
const NAMED: Record<string, string> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

/** The members that decide what a message is, and what it asks for. */
const ENVELOPE = ['jsonrpc', 'id', 'method', 'params', 'result', 'error'];
const SUBJECT = ['name', 'uri', 'arguments', '_meta'];

const HEADER_MISMATCH = -32020;
const INVALID_REQUEST = -32600;
const PARSE_ERROR = -32700;

/**
 * Reads what an endpoint needs of a request before it does anything: the message of a POST, and whether it
 * belongs to a session (2025) or is stateless. A `Response` is a refusal by the transport's rules.
 */
export async function readRequest(
  request: Request,
  maxBytes: number,
): Promise<{ message: Message | undefined; stateless: boolean } | Response> {
  if (request.method === 'POST') {
    const message = await readMessage(request, maxBytes);
    return isRefusal(message) ? rpcError(message) : { message, stateless: message.era === 'modern' };
  }
  const stateless = request.headers.get('mcp-protocol-version') === STATELESS_VERSION;
  const known = ['GET', 'DELETE'].includes(request.method) && !stateless;
  return known ? { message: undefined, stateless } : methodNotAllowed();
}

/** 405 for a method that means nothing here: streams and sessions that there are none of. */
export function methodNotAllowed(): Response {
  const response = rpcError({ status: 405, code: -32000, message: 'Method not allowed' });
  response.headers.set('Allow', 'POST');
  return response;
}

/**
 * Reads a POST. The body decides; the headers `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name` must say the
 * same wherever they are there (MCP 2026-07-28, "Standard request headers"), in either era.
 */
export async function readMessage(request: Request, maxBytes: number): Promise<Message | MessageRefusal> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    return { status: 415, code: INVALID_REQUEST, message: 'The Content-Type must be application/json' };
  const body = await readBody(request, maxBytes);
  if (!body.ok)
    return { status: 413, code: INVALID_REQUEST, message: `The message is larger than ${maxBytes} bytes` };
  const text = decodeUtf8(body.value) ?? '';
  const parsed = parseJson(text);
  if (parsed === undefined) return { status: 400, code: PARSE_ERROR, message: 'The body is not JSON' };
  if (hasRepeatedMembers(text, parsed)) {
    return { status: 400, code: INVALID_REQUEST, message: 'A member is there more than once' };
  }
  if (hasLookAlikes(parsed)) {
    return { status: 400, code: INVALID_REQUEST, message: 'A member is spelt in another case' };
  }
  const headers = {
    httpMethod: 'POST',
    body: parsed,
    ...header(request, 'mcp-protocol-version', 'protocolVersionHeader'),
    ...header(request, 'mcp-method', 'mcpMethodHeader'),
    ...header(request, 'mcp-name', 'mcpNameHeader'),
  };
  const outcome = classifyInboundRequest(headers);
  const refusal = refusalOf(outcome);
  if (refusal) return { id: idOf(parsed) ?? null, ...refusal };
  const message = parsed as JSONRPCMessage & { method?: string; params?: Record<string, unknown> };
  const read: Message = {
    era: outcome.kind === 'modern' ? 'modern' : 'legacy',
    bytes: body.value,
    id: idOf(parsed),
    method: message.method,
    params: message.params ?? {},
  };
  return checkHeaders(read, request.headers) ?? read;
}

function isRefusal(read: Message | MessageRefusal): read is MessageRefusal {
  return 'status' in read;
}

function refusalOf(outcome: InboundClassificationOutcome): MessageRefusal | undefined {
  if (outcome.kind === 'legacy' && outcome.reason === 'batch') {
    return { status: 400, code: INVALID_REQUEST, message: 'JSON-RPC batches are not supported' };
  }
  if (outcome.kind !== 'reject') return undefined;
  return {
    status: outcome.httpStatus,
    code: outcome.code,
    message: quotable(outcome.message, 200),
    ...(outcome.data === undefined ? {} : { data: quotableIn(outcome.data, 200) }),
  };
}

/** The headers that repeat the body: there on every stateless request, and true wherever they are there. */
function checkHeaders(message: Message, headers: Headers): MessageRefusal | undefined {
  const { method, params, era, id } = message;
  const mismatch = (what: string): MessageRefusal => ({
    status: 400,
    code: HEADER_MISMATCH,
    message: what,
    id: id ?? null,
  });
  const said = headers.get('mcp-method')?.trim();
  if (said !== undefined && said !== method)
    return mismatch('Mcp-Method and the body name different methods');
  const required = era === 'modern' && id !== undefined;
  if (required && !headers.has('mcp-protocol-version')) return mismatch('MCP-Protocol-Version is missing');
  if (required && said === undefined) return mismatch('Mcp-Method is missing');
  const field = method !== undefined && Object.hasOwn(NAMED, method) ? NAMED[method] : undefined;
  const subject = field === undefined ? undefined : params[field];
  const named = headers.get('mcp-name')?.trim();
  if (named === undefined)
    return required && typeof subject === 'string' ? mismatch('Mcp-Name is missing') : undefined;
  if (field === undefined) return undefined;
  return decodeHeader(named) === subject
    ? undefined
    : mismatch('Mcp-Name and the body name different things');
}

/** A header value, or what its Base64 form `=?base64?…?=` holds; undefined when that can't be read. */
function decodeHeader(value: string): string | undefined {
  const encoded = /^=\?base64\?(.*)\?=$/s.exec(value)?.[1];
  if (encoded === undefined) return value;
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) return undefined;
  return decodeUtf8(Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)));
}

/**
 * Whether an object in the text names a member twice: parsers differ in which one counts, so one could be
 * judged here and the other be called there. In JSON a string before a colon is a member's name.
 */
function hasRepeatedMembers(text: string, parsed: unknown): boolean {
  let written = 0;
  for (const [, colon] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)) if (colon !== undefined) written++;
  return written !== countMembers(parsed);
}

/** Whether a member is one of the protocol's but for its case: some parsers take one for the other. */
function hasLookAlikes(parsed: unknown): boolean {
  const params = (parsed as { params?: unknown } | null)?.params;
  return isMisspelt(parsed, ENVELOPE) || isMisspelt(params, SUBJECT);
}

function isMisspelt(value: unknown, names: string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // Upper case first: it also folds letters, such as the long s, whose lower case is their own.
  const folded = (name: string) => name.toUpperCase().toLowerCase();
  return Object.keys(value).some((name) => !names.includes(name) && names.includes(folded(name)));
}

function countMembers(value: unknown): number {
  let count = 0;
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    const inside = Object.values(next);
    if (!Array.isArray(next)) count += inside.length;
    for (const one of inside) waiting.push(one);
  }
  return count;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function idOf(parsed: unknown): string | number | undefined {
  const { id, method } = (parsed ?? {}) as { id?: unknown; method?: unknown };
  return typeof method === 'string' && (typeof id === 'string' || typeof id === 'number') ? id : undefined;
}

function header<K extends string>(request: Request, name: string, as: K): { [key in K]?: string } {
  const value = request.headers.get(name);
  return (value === null ? {} : { [as]: value }) as { [key in K]?: string };
}
