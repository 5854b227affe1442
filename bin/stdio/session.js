// @ts-check
import { setTimeout as wait } from 'node:timers/promises';
import { mediaType, readEvents } from './answers.js';
import { Ending, EXIT } from './exit.js';
import { asObject, parseJson } from './message.js';
import { backoff, NetworkFailure } from './network.js';
import { say } from './say.js';

/** @import { Endpoint } from './endpoint.js' */
/** @import { Message } from './types.ts' */

/** Milliseconds. */
const RECONNECT = 1000;
const DELETE_TIMEOUT = 800;

/** @typedef {{ id: string | undefined, version: string }} ServerSession one session on the server */

/**
 * @typedef {object} Ports
 * @property {Endpoint} endpoint
 * @property {(text: string) => Promise<{ result: Record<string, unknown>, session: string | undefined }>} ask
 *   sends a request of the bridge's own; throws when it is refused
 * @property {(text: string) => Promise<void>} deliver takes a message of the server's
 * @property {(ending: Ending) => void} end
 */

/**
 * The session of a client of the 2025 era: its headers, its stream, and a new session when the server has lost it (MCP
 * 2025-11-25, "Session management").
 */
export class Session {
  #ports;
  /** @type {ServerSession | undefined} */
  #current;
  #opening = '';
  #initialized = '';
  /** Requests that a new session must repeat, by subject. @type {Map<string, string>} */
  #kept = new Map();
  /** @type {Promise<void> | undefined} */
  #renewing;
  #stream = new AbortController();

  /** @param {Ports} ports */
  constructor(ports) {
    this.#ports = ports;
  }

  get current() {
    return this.#current;
  }

  /** @returns {Record<string, string>} */
  headers() {
    if (!this.#current) return {};
    const { id, version } = this.#current;
    return { 'mcp-protocol-version': version, ...(id === undefined ? {} : { 'mcp-session-id': id }) };
  }

  /**
   * The server answered `initialize`.
   * @param {Message} opening
   * @param {string | undefined} id
   * @param {Record<string, unknown>} result
   */
  begin(opening, id, result) {
    this.#stream.abort();
    this.#opening = opening.text;
    this.#kept.clear();
    this.#current = { id, version: String(result.protocolVersion) };
  }

  /**
   * The client said that it is initialized: from now on, the server may send messages of its own.
   * @param {Message} message
   */
  ready(message) {
    this.#initialized = message.text;
    this.#listen();
  }

  /**
   * Remembers a request whose effect lasts as long as the session.
   * @param {Message} message
   */
  note({ method, params, text }) {
    if (method === 'logging/setLevel') this.#kept.set('level', text);
    if (method === 'resources/subscribe') this.#kept.set(`resource ${params.uri}`, text);
    if (method === 'resources/unsubscribe') this.#kept.delete(`resource ${params.uri}`);
  }

  /**
   * The server no longer knows this session: opens a new one, once for all concurrent callers.
   * @param {ServerSession} stale
   * @returns {Promise<void>} throws when that fails
   */
  renew(stale) {
    if (this.#current !== stale) return Promise.resolve();
    this.#renewing ??= this.#reopen(stale).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Ends the session on the server too. */
  async end() {
    this.#stream.abort();
    if (this.#current?.id === undefined) return;
    const options = { headers: this.headers(), patience: 0, signal: AbortSignal.timeout(DELETE_TIMEOUT) };
    // A failure doesn't matter: a session that isn't ended expires.
    const response = await this.#ports.endpoint.request('DELETE', options).catch(() => undefined);
    await response?.body?.cancel();
  }

  /** @param {ServerSession} stale */
  async #reopen(stale) {
    say('the server has ended the session; opening a new one');
    const { result, session } = await this.#ports.ask(this.#opening);
    if (result.protocolVersion !== stale.version) {
      const says = 'the server now uses a different protocol version; restart the client';
      throw new Ending(EXIT.unreachable, says);
    }
    this.#current = { id: session, version: stale.version };
    if (this.#initialized !== '') {
      const signal = AbortSignal.timeout(this.#ports.endpoint.patience + RECONNECT);
      const headers = { ...POST_HEADERS, ...this.headers() };
      const init = { headers, body: this.#initialized, repeatable: true, signal };
      await (await this.#ports.endpoint.request('POST', init)).body?.cancel();
    }
    for (const text of this.#kept.values()) {
      await this.#ports
        .ask(text)
        .catch((error) => say(`part of the session couldn’t be restored: ${error.message}`));
    }
    this.#listen();
    // The client's lists may be outdated: a server that restarts is often a new version.
    for (const list of ['tools', 'resources', 'prompts']) {
      if (asObject(asObject(result.capabilities)[list]).listChanged !== true) continue;
      await this.#ports.deliver(`{"jsonrpc":"2.0","method":"notifications/${list}/list_changed"}`);
    }
  }

  #listen() {
    if (!this.#current) return;
    this.#stream.abort();
    this.#stream = new AbortController();
    void this.#follow(this.#current, this.#stream.signal).catch((error) => {
      if (error instanceof Ending) this.#ports.end(error);
      else if (error.name !== 'AbortError') say(`the server’s stream has ended: ${error.message}`);
    });
  }

  /**
   * The stream of the server's own messages. It is opened again whenever it breaks, from the last event.
   * @param {ServerSession} session
   * @param {AbortSignal} signal
   */
  async #follow(session, signal) {
    const from = { id: '', retry: RECONNECT };
    for (let failures = 0, opened = false; this.#current === session; ) {
      try {
        const headers = {
          accept: 'text/event-stream',
          ...this.headers(),
          ...(from.id === '' ? {} : { 'last-event-id': from.id }),
        };
        const response = await this.#ports.endpoint.request('GET', { headers, patience: 0, signal });
        // 400 means the same as 404 from a server that accepted the session before.
        const gone = response.status === 404 || (response.status === 400 && opened);
        if (gone && session.id !== undefined) {
          await response.body?.cancel();
          return await this.renew(session);
        }
        if (!response.ok || mediaType(response) !== 'text/event-stream') {
          await response.body?.cancel();
          if (response.status < 500) return;
          throw new NetworkFailure('lost', `${response.status}`);
        }
        failures = 0;
        opened = true;
        await this.#read(response, from);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Ending) throw error;
        failures += 1;
      }
      await wait(failures > 0 ? backoff(failures) : from.retry, undefined, { signal });
    }
  }

  /**
   * @param {import('undici').Response} response
   * @param {{ id: string, retry: number }} from where to go on, kept up to date
   */
  async #read(response, from) {
    for await (const { id, data, retry } of readEvents(response)) {
      if (retry !== undefined) from.retry = retry;
      if (id !== undefined) from.id = id;
      if (data && parseJson(data) !== undefined) await this.#ports.deliver(data);
    }
  }
}

export const POST_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};
