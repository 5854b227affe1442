import type { Client, ClientCapabilities } from '@modelcontextprotocol/client';
import type { RequestId, Server } from '@modelcontextprotocol/server';
import { LONGEST_CALL_MS } from '../merged/tools';
import { LIST_CHANGES } from './listen';

/** What is handed on, and how. */
export interface Handing {
  /** The URI of a resource of the server as the client knows it. */
  uriOf(uri: string): string;
  /** What the session's client can do. */
  capabilities: ClientCapabilities;
  /** The client's request on whose stream it goes; empty: on the client's own. */
  related(): { relatedRequestId?: RequestId };
  /** The server has another list now. */
  changed(): void;
}

type Said = { method: string; params?: Record<string, unknown> | undefined };

/** Hands on to a session's client, which `to` serves, what a server behind asks and tells the gate's own `client`. */
export function handOn(client: Client, to: Server, { uriOf, capabilities, related, changed }: Handing): void {
  const asked = (signal: AbortSignal) => ({ ...related(), signal, timeout: LONGEST_CALL_MS });
  if (capabilities.elicitation) {
    client.setRequestHandler('elicitation/create', (request, { mcpReq }) =>
      to.request(request, asked(mcpReq.signal)),
    );
  }
  if (capabilities.sampling) {
    client.setRequestHandler('sampling/createMessage', ({ params }, { mcpReq }) =>
      to.createMessage(params, asked(mcpReq.signal)),
    );
  }
  if (capabilities.roots) {
    client.setRequestHandler('roots/list', ({ params }, { mcpReq }) =>
      to.listRoots(params, asked(mcpReq.signal)),
    );
  }
  const tell = (said: Said) => to.notification(said, related());
  client.setNotificationHandler('notifications/message', tell);
  client.setNotificationHandler('notifications/elicitation/complete', tell);
  client.setNotificationHandler('notifications/resources/updated', ({ method, params }) =>
    to.notification({ method, params: { ...params, uri: uriOf(params.uri) } }),
  );
  for (const method of LIST_CHANGES) {
    client.setNotificationHandler(method, async () => {
      changed();
      await to.notification({ method });
    });
  }
}
