/*
 * A server's stream of events on its way to the client. The gate adds to it what neither side should have to think of:
 * how soon to come back, comments while it is silent, and a last event where an answer is owed.
 */

/** How often a silent stream says that it is there, in ms: proxies cut what is silent, and who left is noticed. */
const KEEP_ALIVE_MS = 15_000;
/** A line of the first event: how many ms to wait before coming back (WHATWG HTML, section 9.2.6). */
const RETRY = 'retry: 3000\n';
/** A comment, which is no event by itself. */
const STILL_HERE = ': still here\n';

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const EVENT_END = /(?:\n\n|\r\r|\r\n\r\n)$/;
/** Where in an event its id is, if it has one: before the data. */
const ID_WITHIN = 256;

/** How a stream is kept. */
export interface KeptStream {
  /** Aborted to end the stream, or by the stream when the client has gone: then the source ends too. */
  stop: AbortController;
  /** Called once, however the stream ended. */
  closed(): void;
  /** The JSON-RPC message that the client is still owed when the stream ends; undefined: none. */
  owed(end: StreamEnd): object | undefined;
}

/** How a stream ended: by `stop`, by an error of the source, or else by itself. */
export interface StreamEnd {
  stopped: boolean;
  error: unknown;
  /** The bytes of its longest event. */
  longest: number;
}

/** The stream as the client gets it. `source`: whole events, one after another. */
export function keepStream(source: ReadableStream<Uint8Array>, kept: KeptStream): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream();
  void new StreamKeeper(source, writable, kept).run();
  return readable;
}

class StreamKeeper {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The last bytes that were written, as text. */
  #end = '';
  /** The bytes of the event so far, and of the longest one. */
  #length = 0;
  #longest = 0;
  /** Whether events have ids: a client that is cut off comes back for the rest. */
  #hasIds = false;
  #clientLeft = false;

  constructor(
    source: ReadableStream<Uint8Array>,
    writable: WritableStream<Uint8Array>,
    private readonly kept: KeptStream,
  ) {
    this.#reader = source.getReader();
    this.#writer = writable.getWriter();
  }

  async run(): Promise<void> {
    const { stop, closed } = this.kept;
    this.#writer.closed.catch(() => this.#clientGone());
    const stopped = () => void this.#reader.cancel('stopped').catch(() => undefined);
    if (stop.signal.aborted) stopped();
    stop.signal.addEventListener('abort', stopped, { once: true });
    let broken: unknown;
    try {
      this.#writeLine(RETRY);
      await this.#pass();
    } catch (error) {
      broken = error;
    }
    clearTimeout(this.#timer);
    closed();
    await this.#finish(broken).catch(() => undefined);
  }

  async #pass(): Promise<void> {
    let isFirst = true;
    for (;;) {
      this.#keepAlive();
      const { done, value } = await this.#reader.read();
      if (done) return;
      // Before the first byte is what the gate wrote.
      const marked = isFirst && BYTE_ORDER_MARK.every((byte, index) => value[index] === byte);
      isFirst = false;
      const chunk = marked ? value.subarray(BYTE_ORDER_MARK.length) : value;
      this.#look(chunk);
      await this.#writer.write(chunk);
    }
  }

  #look(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const text = (part: Uint8Array) => String.fromCharCode(...part);
    this.#hasIds ||= /(?:^|[\r\n])id:/.test(text(chunk.subarray(0, ID_WITHIN)));
    this.#end = (this.#end + text(chunk.subarray(-4))).slice(-4);
    this.#length += chunk.length;
    this.#longest = Math.max(this.#longest, this.#length);
    if (EVENT_END.test(this.#end)) this.#length = 0;
  }

  #keepAlive(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // Not within a line.
      if (this.#end === '' || /[\r\n]$/.test(this.#end)) this.#writeLine(STILL_HERE);
      this.#keepAlive();
    }, KEEP_ALIVE_MS);
  }

  #writeLine(line: string): void {
    this.#writer.write(this.#encoder.encode(line)).catch(() => this.#clientGone());
  }

  /** There is nobody to write to: the server hears of it. */
  #clientGone(): void {
    this.#clientLeft = true;
    this.kept.stop.abort('client_gone');
  }

  async #finish(broken: unknown): Promise<void> {
    const { stop, owed } = this.kept;
    if (this.#clientLeft) return;
    const isStopped = stop.signal.aborted;
    // Within an event nothing can be said; what is left out after an id, the client comes back for.
    const betweenEvents = this.#end === '' || EVENT_END.test(this.#end);
    const mayComeBack = this.#hasIds && !isStopped;
    const end = { stopped: isStopped, error: broken, longest: this.#longest };
    const message = betweenEvents && !mayComeBack ? owed(end) : undefined;
    const event = `event: message\ndata: ${JSON.stringify(message)}\n\n`;
    if (message) await this.#writer.write(this.#encoder.encode(event));
    if (broken !== undefined && !isStopped && !message) await this.#writer.abort(broken);
    else await this.#writer.close();
  }
}
