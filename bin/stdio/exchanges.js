// @ts-check
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { isSessionGone, mediaType, readEvents, readRefusal } from './answers.js';
import { Ending } from './exit.js';
import { messageHeaders } from './headers.js';
import { asObject, CONNECTION_CLOSED, errorLine, oneLine, parseJson, readMessage } from './message.js';
import { backoff, describeFailure, judgeFailure, NetworkFailure } from './network.js';
import { isRepeatable } from './repeatable.js';
import { say, shown } from './say.js';
import { POST_HEADERS } from './session.js';
import { KnownTools, relearnTools } from './tools.js';

/** @import { Response } from 'undici' */
/** @import { Endpoint } from './endpoint.js' */
/** @import { LineWriter } from './lines.js' */
/** @import { Session } from './session.js' */
/** @import { Exchange, Message, RpcError } from './types.ts' */

/** `HeaderMismatch` of MCP 2026-07-28. */
const HEADER_MISMATCH = -32020;

/** Pending requests, and the messages that come back for them. */
export class Exchanges {
  #endpoint;
  #out;
  #session;
  #end;
  #stop;
  /** @type {Map<string, Exchange>} */
  #waiting = new Map();
  #tools = new KnownTools();

  /**
   * @param {{ endpoint: Endpoint, out: LineWriter, session: Session,
   *   end: (ending: Ending) => void, stop: AbortSignal }} ports
   */
  constructor({ endpoint, out, session, end, stop }) {
    this.#endpoint = endpoint;
    this.#out = out;
    this.#session = session;
    this.#end = end;
    this.#stop = stop;
  }

  /**
   * Sends a request from the client.
   * @param {Message} message
   * @returns {Promise<void>} when it is answered
   */
  begin(message) {
    return new Promise((resolve) => {
      this.#start(message, false, (text, { result }) => {
        if (message.method === 'tools/list') this.#tools.learn(result);
        void this.#out.write(text, true);
        resolve();
      });
    });
  }

  /**
   * Sends a request of the bridge's own: the given text, with a new id.
   * @param {string} text
   * @returns {Promise<{ result: Record<string, unknown>, session: string | undefined }>} throws when refused
   */
  ask(text) {
    const own = JSON.stringify({ ...asObject(parseJson(text)), id: `gatehouse-stdio ${randomUUID()}` });
    const read = readMessage(own);
    if ('error' in read) return Promise.reject(new Error(read.error.message));
    return new Promise((resolve, reject) => {
      const exchange = this.#start(read.message, true, (_, { result, error }) => {
        if (result === undefined) reject(new NetworkFailure('hopeless', `${asObject(error).message}`));
        else resolve({ result: asObject(result), session: exchange.session });
      });
    });
  }

  /**
   * Handles a message from the server: an answer settles its request, and anything else is passed to the client.
   * @param {string} text JSON
   */
  async deliver(text) {
    const { id, method, result, error } = asObject(parseJson(text));
    const answer = method === undefined && (result !== undefined || error !== undefined);
    if (!answer) return this.#out.write(oneLine(text));
    const exchange = this.#waiting.get(JSON.stringify(id));
    if (exchange) this.#settle(exchange, oneLine(text), { result, error });
  }

  /**
   * Cancels a stateless request by closing its stream (MCP 2026-07-28, "Cancellation").
   * @param {unknown} id
   * @returns {boolean} false: the server needs a notification
   */
  cancel(id) {
    const exchange = this.#waiting.get(JSON.stringify(id));
    if (!exchange) return false;
    exchange.cancelled = true;
    if (exchange.message.version === undefined) return false;
    this.#waiting.delete(JSON.stringify(id));
    exchange.stop.abort();
    return true;
  }

  /** Resolves when no request from the client waits for an answer, except for streams that never end. */
  async settled() {
    const under = () =>
      [...this.#waiting.values()].some((one) => one.message.method !== 'subscriptions/listen');
    while (under() && !this.#stop.aborted) await wait(20);
  }

  /** @param {RpcError} error */
  failAll(error) {
    for (const exchange of [...this.#waiting.values()]) this.#refuse(exchange, error);
  }

  /**
   * @param {Message} message
   * @param {boolean} own
   * @param {Exchange['settle']} settle
   * @returns {Exchange}
   */
  #start(message, own, settle) {
    /** @type {Exchange} */
    const exchange = {
      ...{ message, own, settle, settled: false, cancelled: false, lastEventId: '', session: undefined },
      stop: new AbortController(),
    };
    this.#waiting.set(JSON.stringify(message.id), exchange);
    const signal = AbortSignal.any([this.#stop, exchange.stop.signal]);
    const gone = () => {
      const key = JSON.stringify(message.id);
      if (this.#waiting.get(key) === exchange) this.#waiting.delete(key);
    };
    void this.#carry(exchange, signal)
      .catch((error) => {
        if (signal.aborted || exchange.cancelled) return;
        if (error instanceof Ending) this.#end(error);
        else
          this.#refuse(exchange, {
            code: CONNECTION_CLOSED,
            message: describeFailure(judgeFailure(error), message.method),
          });
      })
      .finally(gone);
    return exchange;
  }

  /**
   * Sends a request until it is answered. Throws when it can't be.
   * @param {Exchange} exchange
   * @param {AbortSignal} signal
   */
  async #carry(exchange, signal) {
    const { message } = exchange;
    const repeatable = isRepeatable(message, this.#tools);
    const legacy = message.version === undefined && message.method !== 'initialize';
    let deadline = 0;
    for (let renewed = 0, relearned = false, attempts = 0; ; ) {
      const session = legacy ? this.#session.current : undefined;
      const response = await this.#post(exchange, repeatable, signal);
      const refusal = response.ok ? undefined : await readRefusal(response, message.id);
      if (
        refusal &&
        session?.id !== undefined &&
        isSessionGone(response, refusal) &&
        !exchange.own &&
        renewed++ < 2
      ) {
        await this.#session.renew(session);
        continue;
      }
      if (refusal?.code === HEADER_MISMATCH && message.method === 'tools/call' && !relearned) {
        relearned = true;
        if (await relearnTools(this.#tools, message.params, (text) => this.ask(text))) continue;
      }
      if (refusal) return this.#refuse(exchange, refusal);
      const failure = await this.#readThrough(exchange, response, signal);
      if (exchange.settled || exchange.cancelled) return;
      deadline ||= Date.now() + this.#endpoint.patience;
      const delay = backoff(attempts++);
      if (failure.kind === 'hopeless' || !repeatable || Date.now() + delay > deadline) throw failure;
      await wait(delay, undefined, { signal });
    }
  }

  /**
   * @param {Exchange} exchange
   * @param {boolean} repeatable
   * @param {AbortSignal} signal
   */
  async #post(exchange, repeatable, signal) {
    const { message } = exchange;
    const { method, version, params } = message;
    const stateless = {
      ...messageHeaders(message),
      ...(method === 'tools/call' ? this.#tools.paramHeaders(params) : {}),
    };
    const session = method === 'initialize' ? {} : this.#session.headers();
    const response = await this.#endpoint.request('POST', {
      headers: { ...POST_HEADERS, ...(version === undefined ? session : stateless) },
      body: message.text,
      repeatable,
      signal,
    });
    exchange.session = response.headers.get('mcp-session-id') ?? undefined;
    return response;
  }

  /**
   * Reads an answer to its end. If it breaks, continues from the last event if the server supports that (2025:
   * `Last-Event-ID`).
   * @param {Exchange} exchange
   * @param {Response} response
   * @param {AbortSignal} signal
   * @returns {Promise<NetworkFailure>} why it wasn't answered, if it wasn't
   */
  async #readThrough(exchange, response, signal) {
    const session = this.#session.current;
    let failure = await this.#read(exchange, response, signal);
    const resumable = () =>
      !exchange.settled &&
      !exchange.cancelled &&
      exchange.lastEventId !== '' &&
      this.#session.current === session;
    if (exchange.message.version !== undefined) return failure;
    for (let attempts = 0; resumable(); attempts++) {
      const headers = {
        ...{ accept: 'text/event-stream', 'last-event-id': exchange.lastEventId },
        ...this.#session.headers(),
      };
      await wait(backoff(attempts), undefined, { signal });
      const again = await this.#endpoint.request('GET', { headers, repeatable: true, signal });
      if (!again.ok) {
        await again.body?.cancel();
        return failure;
      }
      failure = await this.#read(exchange, again, signal);
    }
    return failure;
  }

  /**
   * @param {Exchange} exchange
   * @param {Response} response
   * @param {AbortSignal} signal
   */
  async #read(exchange, response, signal) {
    const type = mediaType(response);
    try {
      if (type === 'text/event-stream') {
        for await (const { id, data } of readEvents(response)) {
          if (id) exchange.lastEventId = id;
          if (!data) continue;
          if (parseJson(data) === undefined) say('the server sent an event that isn’t JSON');
          else await this.deliver(data);
        }
        return new NetworkFailure('lost', 'the answer ended before it was complete');
      }
      const text = await response.text();
      if (parseJson(text) === undefined) {
        return new NetworkFailure('hopeless', `its answer isn’t MCP (${response.status} ${shown(type)})`);
      }
      await this.deliver(text);
      return new NetworkFailure('hopeless', 'it answered a different request');
    } catch (error) {
      signal.throwIfAborted();
      return judgeFailure(error);
    }
  }

  /**
   * @param {Exchange} exchange
   * @param {RpcError} error
   */
  #refuse(exchange, error) {
    this.#settle(exchange, errorLine(exchange.message.id ?? null, error), { error });
  }

  /**
   * @param {Exchange} exchange
   * @param {string} text
   * @param {{ result?: unknown, error?: unknown }} answer
   */
  #settle(exchange, text, answer) {
    if (exchange.settled) return;
    exchange.settled = true;
    this.#waiting.delete(JSON.stringify(exchange.message.id));
    const { method, version } = exchange.message;
    if (method === 'initialize' && version === undefined && !exchange.own && answer.result !== undefined) {
      this.#session.begin(exchange.message, exchange.session, asObject(answer.result));
    }
    exchange.settle(text, answer);
  }
}
