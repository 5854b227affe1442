import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { serverResource } from '../../resource';
import { ok, type Result } from '../../result';
import {
  type Attempt,
  catalogueKey,
  catalogueOf,
  credentialsOf,
  faultOfStatus,
  findTool,
  judgeTool,
  listTools,
  maySendAgain,
  readErrorAnswer,
  type Tool,
  type Tools,
  type UpstreamFailure,
} from '../../upstream';
import { isConnectTool } from '../aggregate/connect-tool';
import { insufficientScope } from '../request/challenge';
import type { Message } from '../request/message';
import { setRepeated } from '../request/message-headers';
import { forwardedHeaders } from '../request/passed-headers';
import type { RequestId } from '../request/refusal';
import { about, type NotForwarded, type ProxyRequest, serverFailed, toolNameOf } from './proxy-request';
import { send } from './send';

/** The tool of a call that policy allows; a call that it doesn't is refused without asking the server. */
export async function admitCall(
  request: ProxyRequest,
  message: Message,
): Promise<Result<Tool, NotForwarded>> {
  const { c, server, principal } = request;
  const name = toolNameOf(message);
  const found = await findServerTool(request, message);
  if (!found.ok) return found;
  const tool = found.value;
  const judged = tool ? judgeTool(tool, server, principal) : { verdict: 'absent' as const };
  if (tool && judged.verdict === 'allowed') return ok(tool);
  if (judged.verdict === 'absent' && isConnectTool(server, name)) return refused({ reason: 'connect_tool' });
  const { verdict: reason } = judged;
  record(c, { ...about(request), event: 'tool_call', outcome: 'refused', reason });
  if (judged.verdict !== 'scope') return refused({ reason: 'unknown_tool', name, id: message.id });
  return refused(insufficientScope(c, serverResource(deploymentOf(c), server), judged.needed));
}

/** The tool that a message calls, as its server lists it to this principal; undefined when there is none. */
async function findServerTool(
  request: ProxyRequest,
  message: Message,
): Promise<Result<Tool | undefined, NotForwarded>> {
  const { c, server, principal } = request;
  const account = await credentialsOf(c).accountAt(principal, server);
  const key = catalogueKey(server, principal, account);
  try {
    const ask = () => askForTools(request, message);
    return ok(await findTool(catalogueOf(c.env), key, toolNameOf(message), ask));
  } catch (error) {
    const detail = error instanceof Error ? error.message : undefined;
    if (!(error instanceof NoList)) return serverFailed(request, 'server_not_mcp', { detail });
    const { failure } = error;
    if (failure.reason === 'session_ended') return refused({ reason: 'session_not_found', id: message.id });
    if (failure.reason === 'no_credential') return refused(failure);
    // Its signal is the time that the server has.
    const fault = failure.reason === 'aborted' ? 'server_too_slow' : failure.reason;
    return serverFailed(request, fault, { detail, retryAfter: error.retryAfter });
  }
}

/** What isn't 2xx: the server's own error is for who reads the list; anything else says why there is none. */
async function checkRefused(request: ProxyRequest, answer: Response, body: object): Promise<Response> {
  const { id } = body as { id?: RequestId };
  const { answers, response } = await readErrorAnswer(answer, id);
  const { status, headers } = response;
  if (answers === 'this') return response;
  await response.body?.cancel();
  const attempt = { outcome: 'status', status, answersIt: false, inSession: request.session !== undefined };
  // It may be sent again, in a session that the client begins.
  if (status !== 401 && maySendAgain(attempt as Attempt)) throw new NoList({ reason: 'session_ended' });
  const { fault, retryAfter } = faultOfStatus(status, headers);
  if (fault === 'server_not_mcp') throw new Error(`tools/list: ${status}`);
  throw new NoList({ reason: fault } as ListFailure, retryAfter);
}

function refused(error: NotForwarded): Result<never, NotForwarded> {
  return { ok: false, error };
}

/** Why a server didn't list its tools; the same for all that wait for the list. */
type ListFailure =
  | UpstreamFailure
  | { reason: 'server_refuses_gate' | 'server_busy' | 'server_failed' | 'session_ended' };

/** Thrown through the catalogue, where several requests may wait for one list. */
class NoList extends Error {
  constructor(
    readonly failure: ListFailure,
    /** Seconds after which the server says that it may work. */
    readonly retryAfter?: number,
  ) {
    super(failure.reason);
  }
}

/**
 * The server's tools, asked for in the session or with the `_meta` of the request that needs to know. Others
 * may wait for the same answer, so it doesn't end with the client that asked first, but with the time.
 */
function askForTools(request: ProxyRequest, message: Message): Promise<Tools> {
  const { c, server } = request;
  const meta = message.era === 'modern' ? message.params._meta : undefined;
  const signal = AbortSignal.timeout(server.timeout * 1000);
  const ask = async (body: object, repeated: Record<string, string>) => {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    // Not what the client's own message repeats; its version stays, as its `_meta` does.
    const headers = setRepeated(forwardedHeaders(c.req.raw.headers), Object.entries(repeated));
    const sent = await send(request, { method: 'POST', body: bytes, headers, signal });
    if (!sent.ok) throw new NoList(sent.error);
    return sent.value.ok ? sent.value : checkRefused(request, sent.value, body);
  };
  // A read that waits for a server that has gone quiet does not end with the signal by itself.
  const late = new Promise<never>((_, reject) => {
    const tooSlow = () => reject(new NoList({ reason: 'server_too_slow' }));
    signal.addEventListener('abort', tooSlow, { once: true });
  });
  const tools = Promise.race([listTools(ask, meta, server.max_list_bytes), late]);
  c.executionCtx.waitUntil(tools.catch(() => undefined));
  return tools;
}
