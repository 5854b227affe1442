import type { Progress, RequestId, Server } from '@modelcontextprotocol/server';
import { isObject } from '../../json-text';
import type { AnswerQuestion, ServerMessage } from '../../upstream';
import { LIST_CHANGES } from './listen';

/** A question may wait for a person for as long as this, in ms. */
const LONGEST_QUESTION_MS = 3_600_000;

/** What is forwarded, and how. */
export interface Forwarding {
  /** The URI of a resource of the server as the client knows it. */
  uriOf(uri: string): string;
  /** What the session's client can do. */
  capabilities: object;
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

/** What servers ask of clients, and the capability that a client says it has for it. */
const QUESTIONS: Record<string, string> = {
  'elicitation/create': 'elicitation',
  'sampling/createMessage': 'sampling',
  'roots/list': 'roots',
};

/** Forwards to a session's client, which `to` serves, what a server behind asks and says. */
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
    // The SDK knows each method's types; what is forwarded has those that its server gave it.
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

/** What servers say that concerns one request. */
const PASSED = ['notifications/message', 'notifications/progress', 'notifications/elicitation/complete'];

/** How far the client is with a question goes back to the server, if it wants to know. */
function progressTo(
  notify: (method: string, params: object) => void,
  params: Record<string, unknown> | undefined,
): { onprogress?: (progress: Progress) => void } {
  const meta = params?._meta;
  const progressToken = isObject(meta) ? meta.progressToken : undefined;
  if (progressToken === undefined || progressToken === null) return {};
  return { onprogress: (progress) => notify('notifications/progress', { ...progress, progressToken }) };
}
