import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { serverResource } from '../../resource';
import {
  accountAt,
  catalogueKey,
  catalogueOf,
  findTool,
  judgeTool,
  listTools,
  type NoCredential,
  type ServerFault,
  type Tool,
  type Tools,
} from '../../upstream';
import { isConnectTool } from '../aggregate/connect-tool';
import { challengeScope } from '../request/challenge';
import type { Message } from '../request/message';
import { setRepeated } from '../request/message-headers';
import { forwardedHeaders } from '../request/passed-headers';
import { sessionNotFound, unknownTool } from '../request/rpc-error';
import { serveAlone } from '../session/stateless';
import { about, fault, type ProxyRequest } from './proxy-request';
import { send } from './send';
import { answerWithout } from './without-credential';

/** The name of the tool that a `tools/call` calls; `params.ts` holds it to be a text. */
export function toolNameOf({ params: { name } }: Message): string {
  return typeof name === 'string' ? name : '';
}

/** The tool of a call that policy allows; a `Response` refuses it without asking the server. */
export async function admitCall(passage: ProxyRequest, message: Message): Promise<Tool | Response> {
  const { c, server, principal } = passage;
  const name = toolNameOf(message);
  let tool: Tool | undefined;
  try {
    const account = await accountAt(deploymentOf(c), principal, server);
    tool = await findTool(catalogueOf(c.env), catalogueKey(server, principal, account), name, () =>
      askForTools(passage, message),
    );
  } catch (error) {
    if (error instanceof SessionEnded) return sessionNotFound(message.id);
    if (error instanceof CredentialEnded) return answerWithout(passage, error.none.credential, message);
    const reason = error instanceof ServerFailure ? error.fault : 'server_not_mcp';
    return fault(passage, reason, message, error instanceof Error ? error.message : undefined);
  }
  const judged = tool ? judgeTool(tool, server, principal) : { verdict: 'absent' as const };
  if (tool && judged.verdict === 'allowed') return tool;
  // A client that still has the list from before.
  if (judged.verdict === 'absent' && isConnectTool(server, name)) return serveAlone(c, principal, message);
  record(c, {
    ...about(passage),
    event: 'tool_call',
    outcome: 'refused',
    reason: judged.verdict,
    detail: name,
  });
  if (judged.verdict !== 'scope') return unknownTool(name, message.id);
  return challengeScope(c, serverResource(deploymentOf(c), server), judged.needed);
}

/**
 * The server's tools, asked for in the session or with the `_meta` of the request that needs to know. Others
 * may wait for the same answer, so it doesn't end with the client that asked first, but with the time.
 */
function askForTools(passage: ProxyRequest, message: Message): Promise<Tools> {
  const { c, server, session } = passage;
  const meta = message.era === 'modern' ? message.params._meta : undefined;
  const signal = AbortSignal.timeout(server.timeout * 1000);
  const ask = async (body: object, repeated: Record<string, string>) => {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    // Not what is said of the client's own message; its version stays, as its `_meta` does.
    const headers = setRepeated(forwardedHeaders(c.req.raw.headers), Object.entries(repeated));
    const answer = await send(passage, { method: 'POST', body: bytes, headers, signal });
    if (typeof answer === 'string') throw new ServerFailure(answer);
    if ('credential' in answer) throw new CredentialEnded(answer);
    if (!answer.ok) await answer.body?.cancel();
    if (answer.status === 401 || answer.status === 403) throw new ServerFailure('server_refuses_gate');
    // A session that the server has forgotten: 404; some say 400, as for a request without one.
    if ((answer.status === 404 || answer.status === 400) && session !== undefined) throw new SessionEnded();
    return answer;
  };
  // A read that waits for a server that has gone quiet does not end with the signal by itself.
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new ServerFailure('server_too_slow')), { once: true });
  });
  const tools = Promise.race([listTools(ask, meta, server.max_list_bytes), late]);
  c.executionCtx.waitUntil(tools.catch(() => undefined));
  return tools;
}

class ServerFailure extends Error {
  constructor(readonly fault: ServerFault) {
    super(fault);
  }
}

class SessionEnded extends Error {}

class CredentialEnded extends Error {
  constructor(readonly none: NoCredential) {
    super(none.credential.reason);
  }
}
