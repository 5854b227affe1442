import { classifyInboundRequest, type InboundClassificationOutcome } from '@modelcontextprotocol/server';
import { decodeUtf8, readBody } from '../../http';
import { folded, isObject, JSON_FAULTS, parseJsonText } from '../../json-text';
import { quotable, quotableIn } from '../../secret-text';
import { checkHeaders, refuseEncoding } from './message-headers';
import { faultOfParams } from './params';
import { type MessageRefusal, messageTooLarge, methodNotAllowed, rpcError } from './rpc-error';

/** The revision of MCP without sessions. */
export const STATELESS_VERSION = '2026-07-28';

/** A message that a client sent, read once: what policy decides on, and the bytes that are sent on. */
export interface Message {
  /** `modern`: stateless, with `_meta` in the body; `legacy`: with sessions (2025). */
  era: 'modern' | 'legacy';
  /** UTF-8 JSON, as the client wrote it. */
  bytes: Uint8Array;
  /** The same for the gate's own libraries, which take no `null` where nothing is meant. */
  withoutNulls: Uint8Array;
  /** A request's id; undefined of notifications and responses. */
  id: string | number | undefined;
  /** Undefined of a response. */
  method: string | undefined;
  /** Of the types that `params.ts` says. */
  params: Record<string, unknown>;
}

/** The members that decide what a message is, and what it asks for. */
const ENVELOPE = ['jsonrpc', 'id', 'method', 'params', 'result', 'error'];
const SUBJECT = ['name', 'uri', 'arguments', '_meta', 'taskId', 'inputResponses'];

const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;
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

/**
 * Reads a POST of at most `maxBytes`: UTF-8 JSON that no two readers can read differently, one JSON-RPC message.
 * The body decides; headers that repeat it must agree. What is refused is 400, 413 or 415, with a JSON-RPC error.
 */
export async function readMessage(request: Request, maxBytes: number): Promise<Message | MessageRefusal> {
  const encoded = refuseEncoding(request.headers);
  if (encoded) return encoded;
  const body = await readBody(request, maxBytes);
  if (!body.ok) return messageTooLarge(maxBytes);
  const text = decodeUtf8(body.value);
  if (text === undefined) return { status: 400, code: PARSE_ERROR, message: 'The body is not UTF-8' };
  const parsed = parseJsonText(text);
  if (!parsed.ok) {
    const { reason } = parsed.error;
    const code = reason === 'not_json' || reason === 'byte_order_mark' ? PARSE_ERROR : INVALID_REQUEST;
    return { status: 400, code, message: JSON_FAULTS[reason] };
  }
  if (hasLookAlikes(parsed.value)) {
    return { status: 400, code: INVALID_REQUEST, message: 'A member could be taken for another one' };
  }
  const cleaned = dropNulls(parsed.value);
  const outcome = classifyInboundRequest({
    httpMethod: 'POST',
    body: cleaned,
    ...header(request, 'mcp-protocol-version', 'protocolVersionHeader'),
    ...header(request, 'mcp-method', 'mcpMethodHeader'),
    ...header(request, 'mcp-name', 'mcpNameHeader'),
  });
  const id = idOf(cleaned);
  const refusal = refusalOf(outcome);
  if (refusal) return { id: id ?? null, ...refusal };
  const isSame = cleaned === parsed.value;
  const message = describe(cleaned, outcome.kind === 'modern' ? 'modern' : 'legacy', {
    bytes: body.value,
    withoutNulls: isSame ? body.value : new TextEncoder().encode(JSON.stringify(cleaned)),
  });
  return checkHeaders(message, request.headers) ?? checkParams(message) ?? message;
}

function isRefusal(read: Message | MessageRefusal): read is MessageRefusal {
  return 'status' in read;
}

function describe(
  parsed: unknown,
  era: Message['era'],
  bytes: Pick<Message, 'bytes' | 'withoutNulls'>,
): Message {
  const { method, params } = (parsed ?? {}) as { method?: unknown; params?: unknown };
  return {
    era,
    ...bytes,
    id: idOf(parsed),
    method: typeof method === 'string' ? method : undefined,
    params: isObject(params) ? params : {},
  };
}

function checkParams({ id, method, params }: Message): MessageRefusal | undefined {
  if (method === undefined) return undefined;
  if (!method.isWellFormed()) {
    return { status: 400, code: INVALID_REQUEST, message: 'The method is not Unicode', id: id ?? null };
  }
  const fault = faultOfParams(method, params);
  return fault === undefined
    ? undefined
    : { status: 400, code: INVALID_PARAMS, message: `Invalid parameters: ${fault}`, id: id ?? null };
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

/** A message without the members that are `null` and so mean nothing; itself when it has none. */
function dropNulls(parsed: unknown): unknown {
  if (!isObject(parsed)) return parsed;
  const dropped: Record<string, unknown> = { ...parsed };
  if (dropped.params === null) delete dropped.params;
  // Of a response one is there and the other is not.
  if (dropped.error === null && 'result' in dropped) delete dropped.error;
  if (dropped.result === null && isObject(dropped.error)) delete dropped.result;
  if (isObject(dropped.params)) dropped.params = dropMeta(dropped.params);
  const same = Object.keys(dropped).length === Object.keys(parsed).length;
  return same && dropped.params === parsed.params ? parsed : dropped;
}

function dropMeta(params: Record<string, unknown>): Record<string, unknown> {
  const { _meta, ...rest } = params;
  if (_meta === null) return rest;
  if (!isObject(_meta) || _meta.progressToken !== null) return params;
  const { progressToken: _, ...meta } = _meta;
  return { ...rest, _meta: meta };
}

/** Whether a member is one of the protocol's but for its case: some parsers take one for the other. */
function hasLookAlikes(parsed: unknown): boolean {
  return isMisspelt(parsed, ENVELOPE) || (isObject(parsed) && isMisspelt(parsed.params, SUBJECT));
}

function isMisspelt(value: unknown, names: string[]): boolean {
  if (!isObject(value)) return false;
  const isLike = (name: string) => name === '__proto__' || names.some((one) => folded(one) === folded(name));
  return Object.keys(value).some((name) => !names.includes(name) && isLike(name));
}

/** The id of a request. */
function idOf(parsed: unknown): string | number | undefined {
  if (!isObject(parsed) || typeof parsed.method !== 'string') return undefined;
  const { id } = parsed;
  return typeof id === 'string' || Number.isSafeInteger(id) ? (id as string | number) : undefined;
}

function header<K extends string>(request: Request, name: string, as: K): { [key in K]?: string } {
  const value = request.headers.get(name);
  return (value === null ? {} : { [as]: value }) as { [key in K]?: string };
}
