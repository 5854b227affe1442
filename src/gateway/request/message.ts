import { classifyInboundRequest, type InboundClassificationOutcome } from '@modelcontextprotocol/server';
import { decodeUtf8, readBody } from '../../http';
import { memberText, withMembers } from '../../json-members';
import { folded, isObject, parseJsonText } from '../../json-text';
import { ok, type Result } from '../../result';
import { quotable, quotableIn } from '../../secret-text';
import { checkEncoding, checkHeaders } from './message-headers';
import { faultForGate, faultOfParams } from './params';
import type { MessageFault, RefusalFor, RequestId } from './refusal';

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

export type MessageRefusal = RefusalFor<'message_refused' | 'message_unclassified'>;

/** What an endpoint needs of a request before it does anything. */
export interface ReadRequest {
  /** Of a POST; undefined of a GET or DELETE. */
  message: Message | undefined;
  /** Whether the request stands for itself, or belongs to a session (2025), or begins one. */
  stateless: boolean;
}

/**
 * Reads a request by the transport's rules (MCP, "Streamable HTTP"); the message has at most `maxBytes`. `reader`: who
 * else reads the message; a server says itself what it makes of its parameters.
 */
export async function readRequest(
  request: Request,
  maxBytes: number,
  reader: 'gate' | 'server',
): Promise<Result<ReadRequest, MessageRefusal | RefusalFor<'method_not_allowed'>>> {
  if (request.method === 'POST') {
    const message = await readMessage(request, maxBytes, reader);
    return message.ok ? ok({ message: message.value, stateless: message.value.era === 'modern' }) : message;
  }
  const stateless = request.headers.get('mcp-protocol-version') === STATELESS_VERSION;
  const known = ['GET', 'DELETE'].includes(request.method) && !stateless;
  if (known) return ok({ message: undefined, stateless });
  // Neither GET nor DELETE means anything without sessions.
  const allow = stateless ? 'POST' : 'GET, POST, DELETE';
  return { ok: false, error: { reason: 'method_not_allowed', allow } };
}

/**
 * Reads a POST of at most `maxBytes`: UTF-8 JSON that no two readers can read differently, one JSON-RPC message.
 * The body decides; headers that repeat it must agree.
 */
async function readMessage(
  request: Request,
  maxBytes: number,
  reader: 'gate' | 'server',
): Promise<Result<Message, MessageRefusal>> {
  const encoding = checkEncoding(request.headers);
  if (!encoding.ok) return encoding;
  const body = await readBody(request, maxBytes);
  if (!body.ok) return refused('too_large', { detail: String(maxBytes) });
  const text = decodeUtf8(body.value);
  if (text === undefined) return refused('not_utf8');
  const parsed = parseJsonText(text);
  if (!parsed.ok) return refused(parsed.error.reason);
  if (hasLookAlikes(parsed.value)) return refused('look_alike_member');
  const written = withoutNulls(text, parsed.value);
  const isSame = written === text;
  const cleaned = isSame ? parsed.value : (JSON.parse(written) as unknown);
  const outcome = classifyInboundRequest({
    httpMethod: 'POST',
    body: cleaned,
    ...header(request, 'mcp-protocol-version', 'protocolVersionHeader'),
    ...header(request, 'mcp-method', 'mcpMethodHeader'),
    ...header(request, 'mcp-name', 'mcpNameHeader'),
  });
  const classified = checkOutcome(outcome, idOf(cleaned));
  if (!classified.ok) return classified;
  const message = describe(cleaned, outcome.kind === 'modern' ? 'modern' : 'legacy', {
    bytes: body.value,
    withoutNulls: isSame ? body.value : new TextEncoder().encode(written),
  });
  const headers = checkHeaders(message, request.headers);
  if (!headers.ok) return headers;
  const params = checkParams(message, reader);
  return params.ok ? ok(message) : params;
}

function refused(
  fault: MessageFault,
  more: { detail?: string; id?: RequestId | undefined } = {},
): Result<never, MessageRefusal> {
  return { ok: false, error: { reason: 'message_refused', fault, ...more } };
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

function checkParams(
  { id, method, params }: Message,
  reader: 'gate' | 'server',
): Result<void, MessageRefusal> {
  if (method === undefined) return ok(undefined);
  if (!method.isWellFormed()) return refused('method_not_unicode', { id });
  const fault =
    faultOfParams(method, params) ?? (reader === 'gate' ? faultForGate(method, params) : undefined);
  return fault === undefined ? ok(undefined) : refused('params_invalid', { detail: fault, id });
}

/** What the SDK finds wrong with a message as one of its era. */
function checkOutcome(
  outcome: InboundClassificationOutcome,
  id: RequestId | undefined,
): Result<void, MessageRefusal> {
  if (outcome.kind === 'legacy' && outcome.reason === 'batch') return refused('batch');
  if (outcome.kind !== 'reject') return ok(undefined);
  const says = {
    status: outcome.httpStatus,
    code: outcome.code,
    message: quotable(outcome.message, 200),
    ...(outcome.data === undefined ? {} : { data: quotableIn(outcome.data, 200) }),
  };
  return { ok: false, error: { reason: 'message_unclassified', says, id } };
}

/** The parameters that may be left out, whatever the method. */
const OPTIONAL = ['_meta', 'arguments', 'cursor', 'inputResponses', 'requestState', 'task'];

/** The text of a message without the members that are `null` and so mean nothing; all else as it was. */
function withoutNulls(text: string, parsed: unknown): string {
  if (!isObject(parsed)) return text;
  const { params, result, error } = parsed;
  const changes: Record<string, string | undefined> = {};
  if (params === null) changes.params = undefined;
  // Of a response one is there and the other is not.
  if (error === null && 'result' in parsed) changes.error = undefined;
  if (result === null && isObject(error)) changes.result = undefined;
  if (isObject(params) && hasNulls(params)) {
    changes.params = paramsWithoutNulls(memberText(text, 'params') ?? '{}', params);
  }
  return Object.keys(changes).length === 0 ? text : withMembers(text, changes);
}

function hasNulls(params: Record<string, unknown>): boolean {
  const { _meta } = params;
  return OPTIONAL.some((name) => params[name] === null) || (isObject(_meta) && _meta.progressToken === null);
}

function paramsWithoutNulls(text: string, params: Record<string, unknown>): string {
  const absent = OPTIONAL.filter((name) => params[name] === null);
  const changes: Record<string, string | undefined> = Object.fromEntries(
    absent.map((name) => [name, undefined]),
  );
  const { _meta } = params;
  if (isObject(_meta) && _meta.progressToken === null) {
    changes._meta = withMembers(memberText(text, '_meta') ?? '{}', { progressToken: undefined });
  }
  return withMembers(text, changes);
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
