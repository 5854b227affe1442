import type { Client, ClientCapabilities, ClientContext, Progress } from '@modelcontextprotocol/client';
import type { RequestId, Server } from '@modelcontextprotocol/server';
import { LONGEST_CALL_MS } from '../aggregate/tools';
import { LIST_CHANGES } from './listen';

/** What is handed on, and how. */
export interface Handing {
  /** The URI of a resource of the server as the client knows it. */
  uriOf(uri: string): string;
  /** What the session's client can do. */
  capabilities: ClientCapabilities;
  /** The client's request on whose stream it goes; empty: on the client's own. Throws when it may go on neither. */
  related(): { relatedRequestId?: RequestId };
  /** Sends what is for whoever the connection is for. */
  says: Says;
  /** Sends that the server has another list now. */
  saysOfLists: Says;
  /** Sends what became of a resource, by the URI that it has at the server. */
  saysOf(uri: string, send: () => Promise<void>): Promise<void>;
  /** The server has another list now. */
  changed(): void;
}

type Says = <T>(send: () => Promise<T>) => Promise<T>;
type Said = { method: string; params?: Record<string, unknown> | undefined };

/** Hands on to a session's client, which `to` serves, what a server behind asks and tells the gate's own `client`. */
export function handOn(client: Client, to: Server, handing: Handing): void {
  const { uriOf, capabilities, related, changed, says, saysOfLists, saysOf } = handing;
  const asked = (question: ClientContext['mcpReq']) => ({ ...related(), ...handedOn(question) });
  if (capabilities.elicitation) {
    client.setRequestHandler('elicitation/create', (request, { mcpReq }) =>
      says(() => to.request(request, asked(mcpReq))),
    );
  }
  if (capabilities.sampling) {
    client.setRequestHandler('sampling/createMessage', ({ params }, { mcpReq }) =>
      says(() => to.createMessage(params, asked(mcpReq))),
    );
  }
  if (capabilities.roots) {
    client.setRequestHandler('roots/list', ({ params }, { mcpReq }) =>
      says(() => to.listRoots(params, asked(mcpReq))),
    );
  }
  const tell = (said: Said) => says(() => to.notification(said, related()));
  client.setNotificationHandler('notifications/message', tell);
  client.setNotificationHandler('notifications/elicitation/complete', tell);
  client.setNotificationHandler('notifications/resources/updated', ({ method, params }) =>
    saysOf(params.uri, () => to.notification({ method, params: { ...params, uri: uriOf(params.uri) } })),
  );
  for (const method of LIST_CHANGES) {
    client.setNotificationHandler(method, async () => {
      changed();
      await saysOfLists(() => to.notification({ method }));
    });
  }
}

/** How a question is handed on: it ends with the server's, and how far the client is with it comes back. */
function handedOn({ signal, _meta, notify }: ClientContext['mcpReq']) {
  const options = { signal, timeout: LONGEST_CALL_MS };
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return options;
  const onprogress = (progress: Progress) => {
    const params = { ...progress, progressToken };
    // A server that has gone can't be told.
    void notify({ method: 'notifications/progress', params }).catch(() => undefined);
  };
  return { ...options, onprogress };
}
