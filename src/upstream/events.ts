import { joinBytes } from '../http';
import { AnswerScan, type AnswerShape } from './answer-scan';

/*
 * Passes server-sent events (WHATWG HTML, section 9.2) unchanged, byte for byte, except for those that a rewriter
 * changes.
 */

const LF = 10;
const CR = 13;

/**
 * The longest event that is held back and rewritten, in bytes. A longer one ends the stream (`fail`), or passes and
 * is {@link AnswerScan scanned}. If that shows a list of tools, the stream ends before the event does, and no client
 * accepts an incomplete event.
 */
export interface EventLimits {
  maxBytes: number;
  tooLong: 'pass' | 'fail';
}

/** Gets an event's data, and what it may be. Returns the new data, `null` to drop the event, undefined to keep it. */
export type Rewrite = (data: string, shape: AnswerShape) => string | null | undefined;

/** A stream in which `rewrite` may change each event. An event is held back until it is complete, within the limits. */
export function rewriteEvents(
  limits: EventLimits,
  rewrite: Rewrite,
): TransformStream<Uint8Array, Uint8Array> {
  const scanned = new EventLines();
  let held: Uint8Array[] = [];
  let length = 0;
  let passing = false;
  return new TransformStream({
    transform(chunk, controller) {
      let from = 0;
      for (const { end, kind } of scanned.read(chunk)) {
        const part = chunk.subarray(from, end);
        // The LF of a CRLF that ended an event is passed at once, because a reader that got the CR waits for it.
        if (kind === 'rest of end') controller.enqueue(part);
        else finish(part, controller);
        from = end;
      }
      if (from < chunk.length) hold(chunk.subarray(from), controller);
    },
    flush(controller) {
      // An incomplete event at the end isn't an event, but some readers accept it.
      if (!passing && (scanned.shape !== 'plain' || !linesOf(held).every(isLine))) return;
      for (const part of held) controller.enqueue(part);
    },
  });

  function hold(part: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>): void {
    if (!passing && length + part.length > limits.maxBytes) {
      if (limits.tooLong === 'fail') throw new Error('an event is too long');
      passing = true;
      for (const earlier of held) controller.enqueue(earlier);
      held = [];
    }
    if (!passing) {
      held.push(part);
      length += part.length;
      return;
    }
    if (scanned.shape !== 'plain') throw new Error('an event that is too long to be judged could be a list');
    controller.enqueue(part);
  }

  function finish(part: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>): void {
    hold(part, controller);
    for (const bytes of rewritten()) controller.enqueue(bytes);
    scanned.begin();
    held = [];
    length = 0;
    passing = false;
  }

  function rewritten(): Uint8Array[] {
    if (held.length === 0) return held;
    const all = linesOf(held);
    const lines = all.filter(isLine);
    const data = lines.filter(isData).map((line) => line.replace(DATA, '').replace(/^: ?/, ''));
    const changed = data.length === 0 ? undefined : rewrite(data.join('\n'), scanned.shape);
    if (changed === null) return [];
    if (changed === undefined && lines.length === all.length) return held;
    const kept = lines.filter((line) => line !== '' && (changed === undefined || !isData(line)));
    const fields = changed?.split(/\r\n|\n|\r/).map((line) => `data: ${line}`) ?? [];
    const written = [...kept, ...fields];
    return written.length === 0 ? [] : [new TextEncoder().encode([...written, '', ''].join('\n'))];
  }
}

function linesOf(parts: Uint8Array[]): string[] {
  return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })
    .decode(joinBytes(parts))
    .split(/\r\n|\n|\r/);
}

/** A field with its name, a comment, or the end. Any other line, such as JSON by itself, goes no further. */
const LINE = /^\uFEFF?[\w-]*(?::|$)/;

function isLine(line: string): boolean {
  return LINE.test(line);
}

/** A byte order mark may precede the first field. Accepting it before other fields does no harm. */
const DATA = /^\uFEFF?data(?=:|$)/;

function isData(line: string): boolean {
  return DATA.test(line);
}

/**
 * The data of each event of a stream, in order, until the stream ends.
 *
 * @throws when an event is longer than `maxBytes`
 */
export async function* readEvents(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<string, void> {
  const found: string[] = [];
  const keep = rewriteEvents({ maxBytes, tooLong: 'fail' }, (data) => {
    found.push(data);
    return undefined;
  });
  for await (const _ of stream.pipeThrough(keep)) {
    for (const data of found.splice(0)) yield data;
  }
  yield* found;
}

/** The bytes of the field name `data`. */
const FIELD = [...'data'].map((char) => char.charCodeAt(0));
const MARK = [0xef, 0xbb, 0xbf];
const COLON = 0x3a;

/** Finds the ends of a stream's events, with any kind of line ends, and scans their data. */
class EventLines {
  #scan = new AnswerScan();
  /** The first bytes of the line while they may be `data:`; undefined: another field, or its value has started. */
  #field: number[] | undefined = [];
  #isData = false;
  #hasData = false;
  #emptyLine = true;
  #seen = false;
  #afterCr = false;
  #ended = false;

  /** What the data of the event may be, as far as it has been read. */
  get shape(): AnswerShape {
    return this.#scan.shape;
  }

  /** Starts the next event. */
  begin(): void {
    this.#scan = new AnswerScan();
    this.#hasData = false;
  }

  /** The ends of events in a part of the stream. `rest of end`: after the LF of a CRLF whose CR ended the event. */
  *read(chunk: Uint8Array): Generator<{ end: number; kind: 'end' | 'rest of end' }> {
    let at = 0;
    let [lf, cr] = [-1, -1];
    while (at < chunk.length) {
      if (this.#afterCr && chunk[at] === LF) {
        this.#afterCr = false;
        at++;
        if (this.#ended) yield { end: at, kind: 'rest of end' };
        continue;
      }
      if (lf < at) lf = indexOrEnd(chunk, LF, at);
      if (cr < at) cr = indexOrEnd(chunk, CR, at);
      const stop = Math.min(lf, cr);
      this.#text(chunk.subarray(at, stop));
      at = stop + 1;
      if (stop === chunk.length) return;
      this.#afterCr = stop === cr;
      this.#ended = this.#emptyLine && this.#seen;
      this.#endLine();
      if (this.#ended) yield { end: at, kind: 'end' };
    }
  }

  #text(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#afterCr = false;
    this.#ended = false;
    this.#emptyLine = false;
    this.#seen = true;
    let at = 0;
    while (!this.#isData && this.#field && at < part.length) this.#readField(part[at++] ?? 0);
    if (this.#isData) this.#scan.push(part.subarray(at));
  }

  #readField(byte: number): void {
    const known = this.#field ?? [];
    const begun = known[0] === MARK[0] ? [...MARK, ...FIELD] : FIELD;
    const isMark = known.length === 0 && byte === MARK[0];
    if (known.length === begun.length && byte === COLON) this.#beginData();
    else if (isMark || byte === begun[known.length]) this.#field = [...known, byte];
    else this.#field = undefined;
  }

  #beginData(): void {
    // Several `data` lines are one text, joined by line ends.
    if (this.#hasData) this.#scan.push(Uint8Array.of(LF));
    this.#isData = true;
    this.#hasData = true;
  }

  #endLine(): void {
    this.#seen = this.#seen && !this.#ended;
    this.#emptyLine = true;
    this.#field = [];
    this.#isData = false;
  }
}

function indexOrEnd(chunk: Uint8Array, byte: number, from: number): number {
  const index = chunk.indexOf(byte, from);
  return index === -1 ? chunk.length : index;
}
