/* MCP over HTTP as it is, for what no SDK's client would do. */

const MODERN = '2026-07-28';
const ACCEPT = { accept: 'application/json, text/event-stream', 'content-type': 'application/json' };

/** A request at an endpoint: `message` by POST, or another method. `session`: its `Mcp-Session-Id`. */
export interface RawRequest {
  method?: 'POST' | 'GET' | 'DELETE';
  message?: { method: string; params?: object };
  session?: string;
  headers?: Record<string, string>;
}

/** Sends a request of the 2025 era. */
export function send(url: string, token: string, request: RawRequest): Promise<Response> {
  const { method = 'POST', message, session, headers = {} } = request;
  return fetch(url, {
    method,
    headers: {
      ...ACCEPT,
      'mcp-protocol-version': '2025-11-25',
      authorization: `Bearer ${token}`,
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
      ...headers,
    },
    ...(message === undefined ? {} : { body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }) }),
  });
}

/** Begins a session; returns its id. */
export async function beginSession(url: string, token: string): Promise<string> {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'raw', version: '1' },
  };
  const begun = await send(url, token, { message: { method: 'initialize', params } });
  await begun.text();
  const session = begun.headers.get('mcp-session-id');
  if (!session) throw new Error(`no session: ${begun.status}`);
  return session;
}

/** Sends a request of the 2026 era. */
export function sendModern(
  url: string,
  token: string,
  { method, params = {} }: { method: string; params?: Record<string, unknown> },
): Promise<Response> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
  };
  const message = { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } };
  return fetch(url, {
    method: 'POST',
    headers: {
      ...ACCEPT,
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(typeof params.name === 'string' ? { 'mcp-name': params.name } : {}),
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify(message),
  });
}

/** A stream as it is read, without waiting for its end. */
export interface Reading {
  text(): string;
  /** ms since the epoch at which it ended; undefined: it hasn't. */
  ended(): number | undefined;
  stop(): Promise<void>;
}

export function read(response: Response): Reading {
  const reader = response.body?.getReader();
  let text = '';
  let ended: number | undefined;
  const decoder = new TextDecoder();
  void (async () => {
    for (;;) {
      const chunk = await reader?.read();
      if (!chunk || chunk.done) break;
      text += decoder.decode(chunk.value as Uint8Array, { stream: true });
    }
  })()
    .catch(() => undefined)
    .finally(() => {
      ended = Date.now();
    });
  return { text: () => text, ended: () => ended, stop: async () => reader?.cancel() };
}
