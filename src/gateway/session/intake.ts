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

/** How what a client sends gets from the session's object to the session's transport. */
export class SessionIntake {
  /** Requests reach the transport one after the other, so that none overtakes one before it. */
  readonly #serial = new Serial();

  /** `live`: the session, awake. */
  constructor(
    private readonly log: EventLog,
    private readonly requests: SessionRequests,
    private readonly live: () => Promise<LiveSession>,
  ) {}

  /** Serves a POST, DELETE, or the GET of a request's stream. `acting`: whose it is, which goes along with it. */
  async serve(
    request: SessionRequest,
    message: JSONRPCRequest | undefined,
    acting: Acting,
  ): Promise<Response> {
    const isForIt = (audience: Audience) => isFor(acting.work, acting.principal, audience);
    const lastEventId = request.headers['last-event-id'];
    // A client that gets an error for an answer asks again for its stream, until it hears that there is none.
    if (request.method === 'GET' && lastEventId !== undefined) {
      if (!(await this.log.hasMoreFor(lastEventId, isForIt))) {
        return toJsonRpcError({ reason: 'method_not_allowed', allow: 'POST, DELETE' });
      }
    }
    if (message === undefined) return this.#forward(request, undefined, { ...acting, called: undefined });
    if (isRequest(message)) return this.#answer(request, message, acting);
    const said = await this.requests.about(message, isForIt);
    // Nothing can be said to a notification, or to an answer.
    if (!said) return new Response(null, { status: 202 });
    const response = await this.#forward(request, said, { ...acting, called: undefined });
    // What is taken back is answered no more.
    if (said.method === 'notifications/cancelled') this.requests.close(said.params?.requestId as RequestId);
    return response;
  }

  /** A request, which has an id of its own inside and is judged before it goes on. */
  async #answer(request: SessionRequest, message: JSONRPCRequest, acting: Acting): Promise<Response> {
    const { work, principal } = acting;
    const { inner, opened } = this.requests.open(message.id, audienceOf(work, principal));
    const judged = this.#judge(message, acting);
    opened.judged = judged;
    try {
      const called = await judged;
      if (called instanceof Response) return this.#refused(inner, called);
      // What one server answers is for whoever may do as much there.
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

/** A message that is answered. An id of another kind than JSON-RPC has is for the transport to refuse. */
function isRequest(message: JSONRPCRequest): boolean {
  if (typeof message.method !== 'string') return false;
  return typeof message.id === 'string' || Number.isSafeInteger(message.id);
}
