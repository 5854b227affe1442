import type { Progress, RequestId, Server } from '@modelcontextprotocol/server';
import { isObject } from '../../json-text';
import type { AnswerQuestion, ServerMessage } from '../../upstream';
import { LIST_CHANGES } from './listen';

/** How long a request of a server may wait for a person, in ms. */
const LONGEST_QUESTION_MS = 3_600_000;

/** How messages of one server are forwarded to the session's client. */
export interface Forwarding {
  /** Returns the URI by which the client knows a resource of the server. */
  uriOf(uri: string): string;
  /** The capabilities that the session's client announced. */
  capabilities: object;
  /**
   * The client's request on whose stream a message is sent; empty: the client's own stream.
   *
   * @throws when the message may be sent on neither of them
   */
  related(): { relatedRequestId?: RequestId };
  /** Sends a message whose audience is that of the connection. */
  says: Says;
  /** Sends a notification that a list of the server changed. */
  saysOfLists: Says;
  /** Sends a notification about a resource. `uri`: the server's own URI of it. */
  saysOf(uri: string, send: () => Promise<void>): Promise<void>;
  /** Called when a list of the server changed, before the client is notified. */
  changed(): void;
}

type Says = <T>(send: () => Promise<T>) => Promise<T>;

/** The requests that servers send to clients, and the client capability that each needs. */
const QUESTIONS: Record<string, string> = {
  'elicitation/create': 'elicitation',
  'sampling/createMessage': 'sampling',
  'roots/list': 'roots',
};

/**
 * The handlers that forward the requests and notifications of an upstream server to the session's client. A request is
 * answered with the JSON-RPC error -32601 when it is of another kind, or the client lacks the capability for it. Any
 * other notification is dropped.
 *
 * @param to the MCP server that the client is connected to
 */
export function forwarders(
  to: Server,
  { uriOf, capabilities, related, changed, says, saysOfLists, saysOf }: Forwarding,
): { onQuestion: AnswerQuestion; onNotification(message: ServerMessage): Promise<void> } {
  const onQuestion: AnswerQuestion = async ({ method, params }, { signal, notify }) => {
    const needed = QUESTIONS[method];
    if (needed === undefined || !(needed in capabilities)) {
      throw Object.assign(new Error('Method not found'), { code: -32601 });
    }
    const options = { ...related(), signal, timeout: LONGEST_QUESTION_MS, ...progressTo(notify, params) };
    // The SDK has a type for each method; a forwarded message is sent as the server wrote it.
    const ask = to.request.bind(to) as (question: object, options: object) => Promise<object>;
    return says(() => ask({ method, params }, options));
  };
  const onNotification = async ({ value }: ServerMessage) => {
    const { method } = value as { method: string };
    const params = isObject(value.params) ? value.params : undefined;
    const said = { method, ...(params === undefined ? {} : { params }) } as Parameters<
      Server['notification']
    >[0];
    if ((LIST_CHANGES as readonly string[]).includes(method)) {
      changed();
      return saysOfLists(() => to.notification(said));
    }
    if (method === 'notifications/resources/updated' && typeof params?.uri === 'string') {
      const { uri } = params;
      return saysOf(uri, () => to.notification({ method, params: { ...params, uri: uriOf(uri) } }));
    }
    if (PASSED.includes(method)) return says(() => to.notification(said, related()));
  };
  return { onQuestion, onNotification };
}

/** Notifications that belong to one request. */
const PASSED = ['notifications/message', 'notifications/progress', 'notifications/elicitation/complete'];

/** Sends the client's progress with a request back to the server, if the server sent a progress token. */
function progressTo(
  notify: (method: string, params: object) => void,
  params: Record<string, unknown> | undefined,
): { onprogress?: (progress: Progress) => void } {
  const meta = params?._meta;
  const progressToken = isObject(meta) ? meta.progressToken : undefined;
  if (progressToken === undefined || progressToken === null) return {};
  return { onprogress: (progress) => notify('notifications/progress', { ...progress, progressToken }) };
}
