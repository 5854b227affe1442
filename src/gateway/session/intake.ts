import type { JSONRPCRequest, RequestId } from '@modelcontextprotocol/server';
import { Serial } from '../../serial';
import type { Acting } from '../../upstream';
import { admitMergedCall } from '../aggregate/admit';
import type { Called } from '../aggregate/server';
import { toJsonRpcError } from '../request/refusal';
import { type Audience, audienceOf, isFor } from './audience';
import { type Carried, INNER_ID, type LiveSession } from './live';
import type { EventLog } from './log';
import type { SessionRequest } from './messages';
import type { SessionRequests } from './requests';

/** Takes the requests of a session's client, and passes them to the session's transport. */
export class SessionIntake {
  /** Requests reach the transport in the order in which they arrive. */
  readonly #serial = new Serial();

  /** @param live returns the session, and wakes it when it sleeps */
  constructor(
    private readonly log: EventLog,
    private readonly requests: SessionRequests,
    private readonly live: () => Promise<LiveSession>,
  ) {}

  /**
   * Serves a POST, a DELETE, or a GET that resumes the stream of a request. 405 for a GET when nothing more will come
   * on that stream, or when the principal isn't in its audience.
   *
   * @param acting who sends the request
   */
  async serve(
    request: SessionRequest,
    message: JSONRPCRequest | undefined,
    acting: Acting,
  ): Promise<Response> {
    const isForIt = (audience: Audience) => isFor(acting.work, acting.principal, audience);
    const lastEventId = request.headers['last-event-id'];
    // A client whose request was answered with an error requests the stream again until it gets a 405.
    if (request.method === 'GET' && lastEventId !== undefined) {
      if (!(await this.log.hasMoreFor(lastEventId, isForIt))) {
        return toJsonRpcError({ reason: 'method_not_allowed', allow: 'POST, DELETE' });
      }
    }
    if (message === undefined) return this.#forward(request, undefined, { ...acting, called: undefined });
    if (isRequest(message)) return this.#answer(request, message, acting);
    const said = await this.requests.about(message, isForIt);
    // Notifications and responses get no answer.
    if (!said) return new Response(null, { status: 202 });
    const response = await this.#forward(request, said, { ...acting, called: undefined });
    // A cancelled request gets no answer.
    if (said.method === 'notifications/cancelled') this.requests.close(said.params?.requestId as RequestId);
    return response;
  }

  /** Gives a request its internal id, checks whether it may be sent on, and answers it. */
  async #answer(request: SessionRequest, message: JSONRPCRequest, acting: Acting): Promise<Response> {
    const { work, principal } = acting;
    const { inner, opened } = this.requests.open(message.id, audienceOf(work, principal));
    const judged = this.#judge(message, acting);
    opened.judged = judged;
    try {
      const called = await judged;
      if (called instanceof Response) return this.#refused(inner, called);
      // The answer of one server may be seen by every token with the same rights at that server.
      if (called?.kind === 'tool') opened.audience = audienceOf(work, principal, called.server);
      const sent = { ...message, id: inner };
      const response = await this.#forward(request, sent, { ...acting, called }, inner);
      return response.ok ? response : this.#refused(inner, response);
    } catch (error) {
      this.requests.close(inner);
      throw error;
    }
  }

  async #judge(
    { id, method, params }: JSONRPCRequest,
    acting: Acting,
  ): Promise<Called | Response | undefined> {
    const live = await this.live();
    return admitMergedCall(live.view(acting), { id, method, params: params ?? {} });
  }

  #refused(inner: string, response: Response): Response {
    this.requests.close(inner);
    return response;
  }

  #forward(
    { method, headers, body = '' }: SessionRequest,
    message: object | undefined,
    carried: Omit<Carried, 'from' | 'text'>,
    inner?: string,
  ): Promise<Response> {
    const forwarded = new Request('https://session/mcp', {
      method,
      headers: { ...headers, 'mcp-session-id': INNER_ID },
    });
    const from = headers['cf-connecting-ip'];
    return this.#serial.run('requests', async () => {
      const live = await this.live();
      return this.log.opening(inner, () => live.handle(forwarded, message, { ...carried, from, text: body }));
    });
  }
}

/** Whether a message expects an answer. The transport refuses an id that JSON-RPC doesn't allow. */
function isRequest(message: JSONRPCRequest): boolean {
  if (typeof message.method !== 'string') return false;
  return typeof message.id === 'string' || Number.isSafeInteger(message.id);
}
