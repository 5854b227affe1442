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

/** @typedef {{ id: string | undefined, version: string }} Place one session on the server */

/**
 * @typedef {object} Ports
 * @property {Endpoint} endpoint
 * @property {(text: string) => Promise<{ result: Record<string, unknown>, session: string | undefined }>} ask
 *   sends a request of the bridge's own; throws when it is refused
 * @property {(text: string) => Promise<void>} deliver takes a message of the server's
 * @property {(ending: Ending) => void} end
 */

/**
 * The session of a client of the 2025 era: its headers, its stream, and its beginning anew when the server has
 * forgotten it (MCP 2025-11-25, "Session management").
 */
export class Session {
  #ports;
  /** @type {Place | undefined} */
  #place;
  #opening = '';
  #initialized = '';
  /** What a new session must be told again, by what it is about. @type {Map<string, string>} */
  #kept = new Map();
  /** @type {Promise<void> | undefined} */
  #renewing;
  #stream = new AbortController();

  /** @param {Ports} ports */
  constructor(ports) {
    this.#ports = ports;
  }

  get place() {
    return this.#place;
  }

  /** @returns {Record<string, string>} */
  headers() {
    if (!this.#place) return {};
    const { id, version } = this.#place;
    return { 'mcp-protocol-version': version, ...(id === undefined ? {} : { 'mcp-session-id': id }) };
  }

  /**
   * The server has answered `initialize`.
   * @param {Message} opening
   * @param {string | undefined} id
   * @param {Record<string, unknown>} result
   */
  begin(opening, id, result) {
    this.#stream.abort();
    this.#opening = opening.text;
    this.#kept.clear();
    this.#place = { id, version: String(result.protocolVersion) };
  }

  /**
   * The client has said that it is ready: the server may speak by itself from now on.
   * @param {Message} message
   */
  ready(message) {
    this.#initialized = message.text;
    this.#listen();
  }

  /**
   * Remembers what was asked for the time of the session.
   * @param {Message} message
   */
  note({ method, params, text }) {
    if (method === 'logging/setLevel') this.#kept.set('level', text);
    if (method === 'resources/subscribe') this.#kept.set(`resource ${params.uri}`, text);
    if (method === 'resources/unsubscribe') this.#kept.delete(`resource ${params.uri}`);
  }

  /**
   * The server doesn't know this session any more: opens another, once for all who ask.
   * @param {Place} stale
   * @returns {Promise<void>} throws when that fails
   */
  renew(stale) {
    if (this.#place !== stale) return Promise.resolve();
    this.#renewing ??= this.#reopen(stale).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Ends the session on the server too. */
  async end() {
    this.#stream.abort();
    if (this.#place?.id === undefined) return;
    const options = { headers: this.headers(), patience: 0, signal: AbortSignal.timeout(DELETE_TIMEOUT) };
    // Nobody waits for this: a session that isn't ended expires.
    const response = await this.#ports.endpoint.request('DELETE', options).catch(() => undefined);
    await response?.body?.cancel();
  }

  /** @param {Place} stale */
  async #reopen(stale) {
    say('the server has ended the session; opening it again');
    const { result, session } = await this.#ports.ask(this.#opening);
    if (result.protocolVersion !== stale.version) {
      const says = 'the server speaks another protocol version now: start the client again';
      throw new Ending(EXIT.unreachable, says);
    }
    this.#place = { id: session, version: stale.version };
    if (this.#initialized !== '') {
      const signal = AbortSignal.timeout(this.#ports.endpoint.patience + RECONNECT);
      const headers = { ...POST_HEADERS, ...this.headers() };
      const told = { headers, body: this.#initialized, repeatable: true, signal };
      await (await this.#ports.endpoint.request('POST', told)).body?.cancel();
    }
    for (const text of this.#kept.values()) {
      await this.#ports.ask(text).catch((error) => say(`could not be asked for again: ${error.message}`));
    }
    this.#listen();
    // What the client knows may be old: a server that restarts is often a new one.
    for (const list of ['tools', 'resources', 'prompts']) {
      if (asObject(asObject(result.capabilities)[list]).listChanged !== true) continue;
      await this.#ports.deliver(`{"jsonrpc":"2.0","method":"notifications/${list}/list_changed"}`);
    }
  }

  #listen() {
    if (!this.#place) return;
    this.#stream.abort();
    this.#stream = new AbortController();
    void this.#follow(this.#place, this.#stream.signal).catch((error) => {
      if (error instanceof Ending) this.#ports.end(error);
      else if (error.name !== 'AbortError') say(`the server’s own stream has ended: ${error.message}`);
    });
  }

  /**
   * The stream on which the server speaks by itself, opened again whenever it breaks, from where it was.
   * @param {Place} place
   * @param {AbortSignal} signal
   */
  async #follow(place, signal) {
    const from = { id: '', retry: RECONNECT };
    for (let failures = 0, opened = false; this.#place === place; ) {
      try {
        const headers = {
          accept: 'text/event-stream',
          ...this.headers(),
          ...(from.id === '' ? {} : { 'last-event-id': from.id }),
        };
        const response = await this.#ports.endpoint.request('GET', { headers, patience: 0, signal });
        // 400: as 404, from a server that knew the session before.
        const gone = response.status === 404 || (response.status === 400 && opened);
        if (gone && place.id !== undefined) {
          await response.body?.cancel();
          return await this.renew(place);
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
