/** The revision of MCP with sessions, which most clients speak. */
const PROTOCOL_VERSION = '2025-11-25';

interface JsonRpcAnswer {
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
}

/**
 * Calls one tool the way a client of revision 2025-11-25 does: `initialize`, `notifications/initialized`,
 * `tools/call`. Returns the result; throws with status or error when a step is refused.
 */
export async function callTool(
  endpoint: string,
  accessToken: string,
  name: string,
  args: Record<string, unknown> = {},
): Promise<Record<string, unknown>> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${accessToken}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const post = async (message: Record<string, unknown>): Promise<Response> => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    const response = await fetch(endpoint, { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`${message.method}: ${response.status} ${await response.text()}`);
    return response;
  };
  const started = await post({
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: PROTOCOL_VERSION,
      capabilities: {},
      clientInfo: { name: 'gatehouse-scripts', version: '1' },
    },
  });
  await resultOf(started);
  headers['mcp-protocol-version'] = PROTOCOL_VERSION;
  const session = started.headers.get('mcp-session-id');
  if (session) headers['mcp-session-id'] = session;
  await (await post({ method: 'notifications/initialized' })).body?.cancel();
  return resultOf(await post({ id: 2, method: 'tools/call', params: { name, arguments: args } }));
}

/** The result in an answer, which is JSON or a stream whose last event is the answer. */
async function resultOf(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('text/event-stream')
    ? (text
        .split('\n')
        .findLast((line) => line.startsWith('data:'))
        ?.slice('data:'.length) ?? '{}')
    : text;
  const answer = JSON.parse(json) as JsonRpcAnswer;
  if (answer.error || !answer.result) throw new Error(`MCP error: ${JSON.stringify(answer.error ?? json)}`);
  return answer.result;
}
