import { quotable } from '../../secret-text';
import { FAULTS, faultError, type ServerFault } from '../../upstream';

/** A message that is refused before anything is forwarded: an HTTP status and a JSON-RPC error. */
export interface MessageRefusal {
  status: number;
  code: number;
  message: string;
  data?: unknown;
  id?: string | number | null;
  /** Seconds after which it may work. */
  retry_after?: number;
}

/** A JSON-RPC error as an HTTP answer (MCP, "Streamable HTTP"). */
export function rpcError({ status, code, message, data, id = null, retry_after }: MessageRefusal): Response {
  const error = { code, message, ...(data === undefined ? {} : { data }) };
  const headers = retry_after === undefined ? {} : { 'Retry-After': String(retry_after) };
  return Response.json({ jsonrpc: '2.0', id, error }, { status, headers });
}

const INVALID_REQUEST = -32600;
const SESSION_NOT_FOUND = -32001;

/** 405 for a method that means nothing here. `allow`: those that do (RFC 9110 section 10.2.1). */
export function methodNotAllowed(allow = 'POST'): Response {
  const response = rpcError({ status: 405, code: -32000, message: 'Method not allowed' });
  response.headers.set('Allow', allow);
  return response;
}

/** The refusal of a body that isn't said to be JSON, or is said to be something else besides. */
export const NOT_JSON: MessageRefusal = {
  status: 415,
  code: INVALID_REQUEST,
  message: 'The Content-Type must be application/json',
};

/** The refusal of a body of more than `maxBytes`. */
export function messageTooLarge(maxBytes: number): MessageRefusal {
  return { status: 413, code: INVALID_REQUEST, message: `The message is larger than ${maxBytes} bytes` };
}

/** The answer to a session id that stands for nothing here, or for somebody else's session. */
export function sessionNotFound(id: string | number | undefined): Response {
  return rpcError({ status: 404, code: SESSION_NOT_FOUND, message: 'Session not found', id: id ?? null });
}

/** The answer for a request whose server failed. `id`: the request's, if it had one. */
export function serverFault(fault: ServerFault, title: string, id: string | number | undefined): Response {
  return rpcError({ status: FAULTS[fault].status, ...faultError(fault, title), id: id ?? null });
}

const INVALID_PARAMS = -32602;
const METHOD_NOT_FOUND = -32601;

/** The answer to a call of a tool that isn't there, or that this principal must not know of. */
export function unknownTool(name: string, id: string | number | undefined): Response {
  const message = `Unknown tool: ${quotable(name)}`;
  return rpcError({ status: 200, code: INVALID_PARAMS, message, id: id ?? null });
}

/** The answer to a method that isn't there, or that this principal must not use (MCP, "Streamable HTTP"). */
export function unknownMethod({
  era,
  id,
}: {
  era: 'modern' | 'legacy';
  id: string | number | undefined;
}): Response {
  // To a client of sessions 404 would mean that its session is over.
  const status = era === 'modern' ? 404 : id === undefined ? 400 : 200;
  return rpcError({ status, code: METHOD_NOT_FOUND, message: 'Method not found', id: id ?? null });
}
