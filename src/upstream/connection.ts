import type { ServerSetting } from '../config';
import { memberText, withMembers } from '../json-members';
import { isObject } from '../json-text';
import type { ConnectOptions, Forwarded, Question } from './connection-options';
import { credentialsOf } from './credentials';
import { asksForInput, enveloped } from './envelope';
import { asAnswer, exchangeMessages, post, type Route, type ServerAnswer, ServerFailure } from './exchange';
import type { Handshake } from './handshake';
import type { ServerMessage } from './messages';

/** The server's JSON-RPC error to a request of the gate itself. */
export class ServerRefusal extends Error {
  constructor(readonly error: { code?: unknown; message?: unknown; data?: unknown }) {
    super(typeof error.message === 'string' ? error.message : 'the server answered with an error');
  }
}

type Pending = {
  resolve(answer: ServerAnswer): void;
  reject(failure: ServerFailure): void;
  onMessage: Forwarded['onMessage'];
  /** The client's progress token, as JSON text. */
  progressToken: string | undefined;
};

/** A connection to an upstream server, as its client. Messages are sent and returned as the texts that were written. */
export class UpstreamConnection {
  readonly #pending = new Map<string | number, Pending>();
  readonly #questions = new Map<unknown, AbortController>();
  #nextId: number;

  constructor(
    private readonly server: ServerSetting,
    private readonly options: ConnectOptions,
    readonly handshake: Handshake,
    private readonly account: string,
  ) {
    this.#nextId = options.firstId ?? 1;
  }

  /** The capabilities that the server announced. */
  get capabilities(): Record<string, unknown> {
    const { handshake } = this;
    const declared =
      handshake.era === 'modern' ? handshake.discover.capabilities : handshake.initialize.capabilities;
    return isObject(declared) ? declared : {};
  }

  /**
   * Sends a client's request, and returns the server's answer with the client's id. A 2026 server that asks for input
   * gets it from {@link ConnectOptions.onQuestion}, ten times at most.
   *
   * @throws {@link ServerFailure}, `CredentialMissing` or `SessionLost`
   */
  async forward(request: Forwarded): Promise<ServerAnswer> {
    let answer = await this.#forwardOnce(request);
    for (let round = 0; round < MAX_ROUNDS && this.options.onQuestion; round++) {
      if (answer.outcome === 'error' || !asksForInput(answer.value.result)) return answer;
      answer = await this.#forwardOnce({ ...request, text: await this.#answered(request, answer) });
    }
    return answer;
  }

  /**
   * The request with the client's answers to the input requests of a 2026 server (MCP 2026-07-28, "Multi round-trip
   * requests").
   */
  async #answered({ text, signal }: Forwarded, { text: asked }: ServerAnswer): Promise<string> {
    const { onQuestion } = this.options;
    const result = memberText(asked, 'result') ?? '{}';
    const requests = JSON.parse(memberText(result, 'inputRequests') ?? '{}') as Record<string, Question>;
    const options = { signal, notify: () => undefined };
    const answers: Record<string, object> = {};
    for (const [name, question] of Object.entries(requests)) {
      const answer = await onQuestion?.(question, options);
      if (answer) answers[name] = answer;
    }
    // A server that only wants the request again gets some time.
    if (Object.keys(requests).length === 0) await scheduler.wait(AGAIN_MS);
    const params = withMembers(memberText(text, 'params') ?? '{}', {
      ...(Object.keys(answers).length === 0 ? {} : { inputResponses: JSON.stringify(answers) }),
      requestState: memberText(result, 'requestState'),
    });
    return withMembers(text, { params });
  }

  async #forwardOnce(request: Forwarded): Promise<ServerAnswer> {
    const { method, headers = [], signal, onMessage, maxBytes, logLevel } = request;
    signal.throwIfAborted();
    const own = memberText(request.text, 'id') ?? 'null';
    const id = this.#nextId++;
    const { era } = this.handshake;
    const text = withMembers(
      enveloped(request.text, { era, capabilities: this.options.capabilities, logLevel }),
      {
        id: JSON.stringify(id),
      },
    );
    const elsewhere = new Promise<ServerAnswer>((resolve, reject) => {
      const progressToken = memberText(text, 'params', '_meta', 'progressToken');
      this.#pending.set(id, { resolve, reject, onMessage, progressToken });
    });
    const cancel = () => this.#cancel(id);
    const over = new AbortController();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const here = exchangeMessages(this.#route(), {
        text,
        method,
        // 2025 servers don't know the headers that repeat a message.
        headers: era === 'modern' ? headers : [],
        signal: AbortSignal.any([signal, over.signal]),
        id,
        ...(maxBytes === undefined ? {} : { maxBytes }),
        onMessage: (message) => this.#hear(message, onMessage),
      });
      const answer = await Promise.race([here, elsewhere]);
      return { ...answer, text: withMembers(answer.text, { id: own }) };
    } finally {
      signal.removeEventListener('abort', cancel);
      this.#pending.delete(id);
      // The answer may have arrived on another stream: this one isn't needed any more.
      over.abort();
    }
  }

  /**
   * Sends a request of the gate itself. It may take a minute.
   *
   * @param maxBytes of the answer
   * @returns the result, parsed, and its text
   * @throws {@link ServerRefusal} with the server's own error, or as {@link forward}
   */
  async request(
    method: string,
    params: object,
    { maxBytes }: { maxBytes?: number } = {},
  ): Promise<{ text: string; value: Record<string, unknown> }> {
    const text = JSON.stringify({ jsonrpc: '2.0', id: 0, method, params });
    const limit = maxBytes === undefined ? {} : { maxBytes };
    const answer = await within(OWN_REQUEST_MS, (signal) => this.forward({ text, method, signal, ...limit }));
    if (answer.outcome === 'error') throw new ServerRefusal(answer.value.error as object);
    return {
      text: memberText(answer.text, 'result') ?? '{}',
      value: answer.value.result as Record<string, unknown>,
    };
  }

  /**
   * Sends a notification. The server's HTTP answer is ignored.
   *
   * @throws {@link ServerFailure} or `CredentialMissing` when there is none
   */
  async notify(method: string, params?: object): Promise<void> {
    const text = JSON.stringify({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) });
    const answer = await post(this.#route(), { text, method, signal: never() });
    await answer.body?.cancel();
  }

  /** Whether a message reports the progress of a pending request of this connection. */
  expects({ method, params }: Record<string, unknown>): boolean {
    if (method !== 'notifications/progress' || !isObject(params)) return false;
    const token = JSON.stringify(params.progressToken);
    return [...this.#pending.values()].some(({ progressToken }) => progressToken === token);
  }

  /** Takes a message of the server that arrived on another stream. */
  receive(message: ServerMessage): void {
    const id = message.value.id as string | number;
    const pending = this.#pending.get(id);
    const answer = pending && asAnswer(message, id);
    if (answer) pending.resolve(answer);
    else void this.#hear(message, undefined);
  }

  /** Ends the connection, and the session of a 2025 server. Doesn't throw. */
  async end(): Promise<void> {
    this.close();
    const { handshake } = this;
    if (handshake.era !== 'legacy' || handshake.session === undefined) return;
    await deleteSession(this.#route()).catch(() => undefined);
  }

  /** Aborts the server's requests that are being answered. */
  close(): void {
    for (const question of this.#questions.values()) question.abort();
  }

  async #hear(message: ServerMessage, onMessage: Forwarded['onMessage']): Promise<void> {
    const { value } = message;
    if (typeof value.method !== 'string') return;
    if (value.id !== undefined && value.id !== null)
      return void this.#answer(value.id, value.method, value.params);
    if (value.method === 'notifications/cancelled') {
      const { requestId } = (isObject(value.params) ? value.params : {}) as { requestId?: unknown };
      this.#questions.get(requestId)?.abort();
      return;
    }
    await (onMessage ?? this.options.onNotification)?.(message);
  }

  async #answer(id: unknown, method: string, params: unknown): Promise<void> {
    const { onQuestion } = this.options;
    const asked = new AbortController();
    this.#questions.set(id, asked);
    const notify = (name: string, said: object) => void this.notify(name, said).catch(() => undefined);
    const question = { method, params: isObject(params) ? params : undefined };
    try {
      const answered =
        method === 'ping'
          ? Promise.resolve({})
          : (onQuestion?.(question, { signal: asked.signal, notify }) ?? Promise.reject(METHOD_NOT_FOUND));
      const body = await answered.then(
        (result) => ({ jsonrpc: '2.0', id, result }),
        (error: unknown) => ({ jsonrpc: '2.0', id, error: errorOf(error) }),
      );
      if (asked.signal.aborted) return;
      // A person may have connected another account before they answered.
      credentialsOf(this.options.acting().work).forget();
      const sent = await post(this.#route(), { text: JSON.stringify(body), method, signal: never() });
      await sent.body?.cancel();
      if (!sent.ok) this.#giveUp();
    } catch {
      this.#giveUp();
    } finally {
      this.#questions.delete(id);
    }
  }

  /** Fails all pending requests: a server that never gets the answer to its own request would never answer them. */
  #giveUp(): void {
    const failure = new ServerFailure(
      'server_broke_off',
      'the answer to its question could not be delivered',
    );
    for (const { reject } of this.#pending.values()) reject(failure);
  }

  #cancel(id: number): void {
    if (this.handshake.era !== 'legacy') return;
    const params = { requestId: id, reason: 'The client has gone' };
    const sent = this.notify('notifications/cancelled', params).catch(() => undefined);
    this.options.acting().work.executionCtx.waitUntil(sent);
  }

  #route(): Route {
    const { server, handshake, account } = this;
    return { server, acting: this.options.acting(), handshake, account };
  }
}

/** The most times that a server may ask for input before it answers. */
const MAX_ROUNDS = 10;
/** How long the gate waits before it repeats a request that its server only wants again, in ms. */
const AGAIN_MS = 500;
/** The timeout of the gate's own requests, in ms. */
const OWN_REQUEST_MS = 60_000;
/** The timeout for ending a session, in ms. */
const END_MS = 5_000;
/** A signal that never aborts. A new one each time, because a shared one would tie unrelated requests together. */
export const never = () => new AbortController().signal;
const METHOD_NOT_FOUND = Object.assign(new Error('Method not found'), { code: -32601 });

function errorOf(error: unknown): { code: number; message: string; data?: unknown } {
  const { code, message, data } = error as { code?: unknown; message?: unknown; data?: unknown };
  return {
    code: typeof code === 'number' && Number.isInteger(code) ? code : -32603,
    message: typeof message === 'string' ? message : 'Internal error',
    ...(data === undefined ? {} : { data }),
  };
}

async function deleteSession(route: Route): Promise<void> {
  const answer = await within(END_MS, (signal) => post(route, { text: '', method: 'DELETE', signal }));
  await answer.body?.cancel();
}

/** Runs `act` with a signal that aborts after `ms`. `AbortSignal.timeout` would keep a Durable Object awake. */
async function within<T>(ms: number, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ms);
  try {
    return await act(late.signal);
  } finally {
    clearTimeout(timer);
  }
}
