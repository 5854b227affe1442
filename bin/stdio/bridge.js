// @ts-check
import { setTimeout as wait } from 'node:timers/promises';
import { Exchanges } from './exchanges.js';
import { Ending } from './exit.js';
import { messageHeaders } from './headers.js';
import { CONNECTION_CLOSED, errorLine, readMessage } from './message.js';
import { judgeFailure } from './network.js';
import { say } from './say.js';
import { POST_HEADERS, Session } from './session.js';

/** @import { Endpoint } from './endpoint.js' */
/** @import { LineWriter } from './lines.js' */
/** @import { Message } from './types.ts' */

/** Milliseconds that pending answers have after the client closes. Clients wait two seconds for a server to exit. */
const DRAIN = 1000;

/** Passes messages between a client's lines and a server's URL, unchanged, in both directions. */
export class Bridge {
  #endpoint;
  #out;
  #session;
  #exchanges;
  #stop = new AbortController();
  /** Lines are handled in order, and each waits for those that must be complete first. */
  #turn = Promise.resolve();
  /** @type {(ending: Ending) => void} */
  #fail = () => undefined;

  /** Resolves with the reason when the bridge ends before the client. @type {Promise<Ending>} */
  failed = new Promise((resolve) => {
    this.#fail = resolve;
  });

  /** @param {{ endpoint: Endpoint, out: LineWriter }} options */
  constructor({ endpoint, out }) {
    this.#endpoint = endpoint;
    this.#out = out;
    const end = (/** @type {Ending} */ ending) => this.#end(ending);
    this.#session = new Session({
      endpoint,
      ask: (text) => this.#exchanges.ask(text),
      deliver: (text) => this.#exchanges.deliver(text),
      end,
    });
    const stop = this.#stop.signal;
    this.#exchanges = new Exchanges({ endpoint, out, session: this.#session, end, stop });
  }

  /**
   * Handles a line from the client.
   * @param {string} line
   */
  take(line) {
    const read = readMessage(line);
    if ('error' in read) {
      say(read.error.message);
      void this.#out.write(errorLine(null, read.error));
      return;
    }
    this.#turn = this.#turn.then(() => this.#dispatch(read.message));
  }

  /** Ends: the client has closed its side, or the process got a signal (`now`). */
  async close(now = false) {
    if (!now) {
      const answered = this.#turn.then(() => this.#exchanges.settled());
      await Promise.race([answered, wait(DRAIN)]);
    }
    this.#stop.abort();
    await this.#session.end();
  }

  /**
   * @param {Message} message
   * @returns {Promise<void> | undefined} what the next line must wait for
   */
  #dispatch(message) {
    const { method, params } = message;
    if (method === 'notifications/cancelled' && this.#exchanges.cancel(params.requestId)) return;
    if (message.kind !== 'request') {
      const sent = this.#notify(message);
      return method === 'notifications/initialized' ? sent : undefined;
    }
    if (message.version === undefined) this.#session.note(message);
    const answered = this.#exchanges.begin(message);
    return method === 'initialize' && message.version === undefined ? answered : undefined;
  }

  /**
   * Sends a notification or a response, which has no answer.
   * @param {Message} message
   */
  async #notify(message) {
    const own = message.version === undefined ? this.#session.headers() : messageHeaders(message);
    const session = this.#session.current;
    try {
      const response = await this.#endpoint.request('POST', {
        headers: { ...POST_HEADERS, ...own },
        body: message.text,
        signal: this.#stop.signal,
      });
      await response.body?.cancel();
      if (message.method === 'notifications/initialized' && message.version === undefined) {
        this.#session.ready(message);
      }
      // It belonged to the old session, so it isn't sent again. The next request would open a new session anyway.
      if (response.status === 404 && session?.id !== undefined && message.version === undefined) {
        await this.#session.renew(session);
      } else if (!response.ok)
        say(`the server answered ${response.status} to ${message.method ?? 'an answer'}`);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (error instanceof Ending) this.#end(error);
      else say(`${message.method ?? 'an answer'} wasn’t delivered: ${judgeFailure(error).message}`);
    }
  }

  /** @param {Ending} ending */
  #end(ending) {
    this.#exchanges.failAll({ code: CONNECTION_CLOSED, message: ending.message });
    this.#stop.abort();
    this.#fail(ending);
  }
}
