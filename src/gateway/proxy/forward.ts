import type { Context } from 'hono';
import { record } from '../../audit';
import { deploymentOf, type ServerSetting } from '../../config';
import { serverResource } from '../../resource';
import type { Principal } from '../../upstream';
import { toTheServer } from '../aggregate/connect-tool';
import { refuseMethod } from '../request/admit-method';
import { limitCalls } from '../request/limits';
import { type Message, readRequest } from '../request/message';
import { paramHeaders, repeatedHeaders, setRepeated } from '../request/message-headers';
import { forwardedHeaders } from '../request/passed-headers';
import { rpcError, sessionNotFound } from '../request/rpc-error';
import { openSessionId } from '../request/session-id';
import { admitCall, toolNameOf } from './admit-call';
import { about, fault, type ProxyRequest } from './proxy-request';
import { answerFrom } from './relay';
import { send } from './send';
import { goOnWithOwn } from './unconnected-server';
import { answerWithout, withoutCredential } from './without-credential';

/**
 * `/mcp/{server}` for a known principal: what the client sent goes to the server, and what it answers comes
 * back, as they are but for what policy must change.
 */
export async function forward(c: Context, server: ServerSetting, principal: Principal): Promise<Response> {
  const read = await readRequest(c.req.raw, server.max_request_bytes);
  if (read instanceof Response) return read;
  const limited = await limitCalls(c, principal, read.message);
  if (limited) return limited;
  const { message, stateless } = read;
  const resource = serverResource(deploymentOf(c), server);
  const refused = message && refuseMethod(c, message, principal, { resource, server });
  if (refused) return refused;
  const own = await goOnWithOwn(c, principal, read);
  if (own) return own;
  const passage = await openPassage(c, server, principal, stateless);
  if (!passage) return sessionNotFound(message?.id);
  const missing = await withoutCredential(passage, message);
  if (missing) return missing;
  const repeated = message ? await admit(passage, message) : [];
  if (repeated instanceof Response) return repeated;
  const answer = await send(passage, {
    method: c.req.method,
    headers: setRepeated(forwardedHeaders(c.req.raw.headers), repeated),
    body: message && bytesOf(message),
    signal: AbortSignal.any([c.req.raw.signal, passage.stop.signal]),
  });
  if (typeof answer === 'string') return fault(passage, answer, message);
  if ('credential' in answer) return answerWithout(passage, answer.credential, message);
  if (message?.method === 'tools/call') {
    const detail = toolNameOf(message);
    record(c, { ...about(passage), event: 'tool_call', outcome: 'ok', detail });
  }
  return answerFrom(passage, message, answer);
}

/** Judges the tool that a message calls, if it does. Returns the headers that repeat the message, or a refusal. */
async function admit(passage: ProxyRequest, message: Message): Promise<[string, string][] | Response> {
  const { headers } = passage.c.req.raw;
  const repeated = repeatedHeaders(message, headers);
  if (message.method !== 'tools/call') return repeated;
  const tool = await admitCall(passage, message);
  if (tool instanceof Response) return tool;
  const parameters = paramHeaders(headers, tool.inputSchema, message);
  return Array.isArray(parameters) ? [...repeated, ...parameters] : rpcError(parameters);
}

async function openPassage(
  c: Context,
  server: ServerSetting,
  principal: Principal,
  stateless: boolean,
): Promise<ProxyRequest | undefined> {
  const owner = { server: server.name, user: principal.user.id, client: principal.client.id };
  const sealed = stateless ? undefined : c.req.header('mcp-session-id');
  const session = sealed === undefined ? undefined : await openSessionId(deploymentOf(c), owner, sealed);
  if (sealed !== undefined && session === undefined) return undefined;
  return { c, server, principal, owner, session, stop: new AbortController() };
}

/** What the client sent, but for its answer to the gate's own question (MCP 2026-07-28, `inputResponses`). */
function bytesOf({ bytes, params: { inputResponses } }: Message): Uint8Array {
  const answers = inputResponses as object | undefined;
  const forServer = toTheServer(answers);
  if (Object.keys(answers ?? {}).length === Object.keys(forServer ?? {}).length) return bytes;
  const message = JSON.parse(new TextDecoder().decode(bytes)) as { params: object };
  const params = { ...message.params, inputResponses: forServer };
  return new TextEncoder().encode(JSON.stringify({ ...message, params }));
}
