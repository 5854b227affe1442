import type { Scope } from '../../account';
import { JSON_FAULTS, type JsonFault } from '../../json-text';
import { RETRY_AFTER } from '../../limits';
import { quotable } from '../../secret-text';
import {
  FAULTS,
  type FaultDetails,
  faultError,
  faultText,
  MAY_HAVE_ACTED,
  type ServerFault,
} from '../../upstream';
import { type CredentialChallenge, challengeResponse, scopeChallengeResponse } from './challenge';

/** The id of a JSON-RPC request. */
export type RequestId = string | number;

/** What is wrong with a message, or with the headers that describe it. */
export type MessageFault =
  | JsonFault
  | 'not_json_type'
  | 'charset'
  | 'content_encoding'
  | 'too_large'
  | 'not_utf8'
  | 'look_alike_member'
  | 'batch'
  | 'method_not_unicode'
  | 'params_invalid'
  | 'header_mismatch'
  | 'initialize_too_large';

/** Of what there were too many. */
export type RateFault = 'calls' | 'requests' | 'failures' | 'sessions';

/**
 * Why a request at an MCP endpoint isn't served. `id`: of the JSON-RPC request that is refused, if it has one;
 * the tags are stable, the texts that clients get are in {@link toJsonRpcError}.
 */
export type McpRefusal =
  /** `detail`: what of it, in words, for those faults that have any. */
  | { reason: 'message_refused'; fault: MessageFault; detail?: string; id?: RequestId | undefined }
  /** What the SDK's classification of the message says. */
  | { reason: 'message_unclassified'; says: RpcError; id?: RequestId | undefined }
  /** `allow`: the methods that mean something here (RFC 9110 section 10.2.1). */
  | { reason: 'method_not_allowed'; allow: string }
  /** `Accept` covers neither form of an answer, or one of them only. */
  | { reason: 'not_acceptable' }
  | { reason: 'version_unsupported'; version: string }
  | CredentialChallenge
  | MisplacedCredential
  | { reason: 'too_many_requests'; what: RateFault; id?: RequestId | undefined }
  /** `needed`: every scope that it takes; `resourceMetadata`: where to ask for them. */
  | { reason: 'insufficient_scope'; needed: readonly Scope[]; resourceMetadata: string }
  | { reason: 'unknown_method'; era: 'modern' | 'legacy'; id: RequestId | undefined }
  | { reason: 'unknown_tool'; name: string; id: RequestId | undefined }
  | { reason: 'session_not_found'; id: RequestId | undefined }
  /** `error`: what to do, with the link. */
  | { reason: 'connection_needed'; error: Omit<RpcError, 'status'>; id: RequestId | undefined }
  /** The provider of the user's connection can't be asked now. `retryAfter`: in seconds. */
  | {
      reason: 'provider_unavailable';
      error: Omit<RpcError, 'status'>;
      retryAfter: number;
      id: RequestId | undefined;
    }
  | ServerFailed
  | CallEnded
  /** What was done couldn't be recorded, which `AUDIT.mode` = `strict` demands. */
  | { reason: 'not_recorded' }
  /** The client closed the request: nobody reads the answer. */
  | { reason: 'client_gone' };

/** A server gave no answer, or none that can be passed on. `title`: the server's. */
export interface ServerFailed {
  reason: 'server_failed';
  fault: ServerFault;
  title: string;
  id: RequestId | undefined;
  details?: FaultDetails;
  /** Of a `tools/call`: a model reads the text as the result of the call (MCP, "Error Handling"). */
  asResult?: 'legacy' | 'modern' | undefined;
}

/** A call that the gate ended while it ran: its grant is over (`revoked`), or the client took it back. */
export interface CallEnded {
  reason: 'call_ended';
  why: 'revoked' | 'cancelled';
  id: RequestId | undefined;
  mayHaveActed: boolean;
}

/** A request has its credentials where they can't be. `detail`: for the log; `says`: for the client. */
export interface MisplacedCredential {
  reason: 'credential_misplaced';
  why: 'credentials_conflict' | 'key_in_url' | 'credential_for_server';
  detail: string;
  says: string;
  requestId: string;
}

/** The refusals with these tags. */
export type RefusalFor<R extends McpRefusal['reason']> = Extract<McpRefusal, { reason: R }>;

/** A JSON-RPC error, and the HTTP status that goes with it. */
export interface RpcError {
  status: number;
  code: number;
  message: string;
  data?: unknown;
}

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;
/** MCP 2026-07-28, "Standard request headers". */
const HEADER_MISMATCH = -32020;
const SESSION_NOT_FOUND = -32001;
/** Of an answer that `AUDIT.mode` = `strict` holds back. */
export const NOT_RECORDED = 'The request could not be recorded, so its answer is held back';
/** Codes of the gate's own, in the range that JSON-RPC 2.0 leaves to servers. */
const NOT_ALLOWED = -32000;
const TOO_MANY_REQUESTS = -32029;
/** As the Language Server Protocol has it. */
const CANCELLED = -32800;

/** The HTTP answer of each refusal: a JSON-RPC error, or a challenge (RFC 6750 section 3) for 401 and 403. */
export function toJsonRpcError(refusal: McpRefusal): Response {
  switch (refusal.reason) {
    case 'message_refused':
      return rpcError(messageError(refusal), refusal.id);
    case 'message_unclassified':
      return rpcError(refusal.says, refusal.id);
    case 'method_not_allowed': {
      const error = { status: 405, code: NOT_ALLOWED, message: 'Method not allowed' };
      return rpcError(error, undefined, { Allow: refusal.allow });
    }
    case 'not_acceptable': {
      // As the SDK's transport says it.
      const message = 'Not Acceptable: Client must accept both application/json and text/event-stream';
      return rpcError({ status: 406, code: NOT_ALLOWED, message });
    }
    case 'version_unsupported': {
      // As the SDK's transport says it (MCP 2025-11-25, "Protocol Version Header").
      const message = `Bad Request: Unsupported protocol version: ${quotable(refusal.version)}`;
      return rpcError({ status: 400, code: NOT_ALLOWED, message });
    }
    case 'unauthorized':
      return challengeResponse(refusal);
    case 'credential_misplaced': {
      const { says: error_description, requestId: request_id } = refusal;
      const body = { error: 'invalid_request', error_description, request_id };
      return Response.json(body, { status: 400, headers: { 'Cache-Control': 'no-store' } });
    }
    case 'too_many_requests': {
      const message = `Too many requests: ${TOO_MANY[refusal.what]}. Try again in a minute`;
      const error = { status: 429, code: TOO_MANY_REQUESTS, message };
      return rpcError(error, refusal.id, retryAfter(RETRY_AFTER));
    }
    case 'insufficient_scope':
      return scopeChallengeResponse(refusal.needed, refusal.resourceMetadata);
    case 'unknown_method': {
      // To a client of sessions 404 would mean that its session is over.
      const status = refusal.era === 'modern' ? 404 : refusal.id === undefined ? 400 : 200;
      return rpcError({ status, code: METHOD_NOT_FOUND, message: 'Method not found' }, refusal.id);
    }
    case 'unknown_tool': {
      const message = `Unknown tool: ${quotable(refusal.name)}`;
      return rpcError({ status: 200, code: INVALID_PARAMS, message }, refusal.id);
    }
    case 'session_not_found':
      return rpcError({ status: 404, code: SESSION_NOT_FOUND, message: 'Session not found' }, refusal.id);
    case 'connection_needed':
      return rpcError({ status: 200, ...refusal.error }, refusal.id);
    case 'provider_unavailable':
      return rpcError({ status: 503, ...refusal.error }, refusal.id, retryAfter(refusal.retryAfter));
    case 'server_failed': {
      const { fault, details = {}, asResult } = refusal;
      const headers = details.retryAfter === undefined ? {} : retryAfter(details.retryAfter);
      const status = asResult ? 200 : FAULTS[fault].status;
      return Response.json(failureMessage(refusal), { status, headers });
    }
    case 'call_ended':
      return Response.json(failureMessage(refusal));
    case 'not_recorded':
      return rpcError({ status: 503, code: INTERNAL_ERROR, message: NOT_RECORDED });
    case 'client_gone':
      return new Response(null, { status: 499 });
  }
}

/** A JSON-RPC error as an HTTP answer (MCP, "Streamable HTTP"). */
function rpcError(
  { status, code, message, data }: RpcError,
  id: RequestId | null = null,
  headers: Record<string, string> = {},
): Response {
  const error = { code, message, ...(data === undefined ? {} : { data }) };
  return Response.json({ jsonrpc: '2.0', id, error }, { status, headers });
}

/** The JSON-RPC message that a client gets in the place of its server's answer, by itself or as an event. */
export function failureMessage(refusal: ServerFailed | CallEnded): object {
  const { id = null } = refusal;
  if (refusal.reason === 'call_ended') {
    const { code, says } = CALL_ENDS[refusal.why];
    const message = refusal.mayHaveActed ? `${says}. ${MAY_HAVE_ACTED}` : says;
    return { jsonrpc: '2.0', id, error: { code, message } };
  }
  const { fault, title, details, asResult } = refusal;
  if (asResult === undefined) return { jsonrpc: '2.0', id, error: faultError(fault, title, details) };
  const content = [{ type: 'text', text: faultText(fault, title, details) }];
  const kind = asResult === 'modern' ? { resultType: 'complete' } : {};
  return { jsonrpc: '2.0', id, result: { ...kind, content, isError: true } };
}

const CALL_ENDS: Record<CallEnded['why'], { code: number; says: string }> = {
  revoked: { code: NOT_ALLOWED, says: 'The access of this app was revoked while it waited for the answer' },
  cancelled: { code: CANCELLED, says: 'The client cancelled the request' },
};

function retryAfter(seconds: number): Record<string, string> {
  return { 'Retry-After': String(seconds) };
}

const TOO_MANY: Record<RateFault, string> = {
  calls: 'you have called many tools',
  requests: 'your network sent many for this user',
  failures: 'your network sent many wrong keys or tokens',
  sessions: 'your network began many',
};

/** Status and code of what isn't 400 and -32600. */
const MESSAGE_CODES: Partial<Record<MessageFault, { status?: number; code?: number }>> = {
  not_json_type: { status: 415 },
  charset: { status: 415 },
  content_encoding: { status: 415 },
  too_large: { status: 413 },
  initialize_too_large: { status: 413 },
  not_utf8: { code: PARSE_ERROR },
  byte_order_mark: { code: PARSE_ERROR },
  not_json: { code: PARSE_ERROR },
  params_invalid: { code: INVALID_PARAMS },
  header_mismatch: { code: HEADER_MISMATCH },
};

const MESSAGE_TEXTS: Record<MessageFault, (detail: string) => string> = {
  ...mapValues(JSON_FAULTS),
  not_json_type: () => 'The Content-Type must be application/json',
  charset: () => 'The Content-Type may have charset=utf-8 and no other parameter',
  content_encoding: () => 'The body must have no Content-Encoding',
  too_large: (bytes) => `The message is larger than ${bytes} bytes`,
  initialize_too_large: (bytes) => `Without a credential, initialize has at most ${bytes} bytes`,
  not_utf8: () => 'The body is not UTF-8',
  look_alike_member: () => 'A member could be taken for another one',
  batch: () => 'JSON-RPC batches are not supported',
  method_not_unicode: () => 'The method is not Unicode',
  params_invalid: (detail) => `Invalid parameters: ${detail}`,
  header_mismatch: (detail) => detail,
};

function messageError({ fault, detail = '' }: RefusalFor<'message_refused'>): RpcError {
  const { status = 400, code = INVALID_REQUEST } = MESSAGE_CODES[fault] ?? {};
  return { status, code, message: MESSAGE_TEXTS[fault](detail) };
}

function mapValues(texts: Record<JsonFault, string>) {
  const entries = Object.entries(texts).map(([fault, text]) => [fault, () => text] as const);
  return Object.fromEntries(entries) as Record<JsonFault, () => string>;
}
