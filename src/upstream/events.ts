import { joinBytes } from '../http';
import { AnswerScan, type AnswerShape } from './answer-scan';

/*
 * Server-sent events (WHATWG HTML, section 9.2) on their way through: passed on as the bytes they came as, but
 * for those that a rewriter changes.
 */

const LF = 10;
const CR = 13;

/**
 * How long an event may be to be held and looked at, in bytes. Longer ones end the stream (`fail`), or pass while
 * they are {@link AnswerScan scanned}: one that could be a list of tools ends it before it is whole, and what isn't
 * whole no client takes for an event.
 */
export interface EventLimits {
  maxBytes: number;
  tooLong: 'pass' | 'fail';
}

/** Changes an event: gets its data and what that could be; returns the new data, `null` to drop it, undefined to let it be. */
export type Rewrite = (data: string, shape: AnswerShape) => string | null | undefined;

/** A stream of events in which `rewrite` may change each. An event is held back until it is whole. */
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
        // The LF of a CRLF that has ended an event goes on at once: a reader that saw the CR waits for it.
        if (kind === 'rest of end') controller.enqueue(part);
        else finish(part, controller);
        from = end;
      }
      if (from < chunk.length) hold(chunk.subarray(from), controller);
    },
    flush(controller) {
      // What never ended is no event, but some readers take it for one.
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

/** A byte order mark is no part of the first line's field; that it may stand before others harms nobody. */
const DATA = /^\uFEFF?data(?=:|$)/;

function isData(line: string): boolean {
  return DATA.test(line);
}

/** The data of each event of a stream, in order, until the stream ends. */
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

/** The line of an event, as far as it is read: whether its field is `data`, and its value then. */
const FIELD = [...'data'].map((char) => char.charCodeAt(0));
const MARK = [0xef, 0xbb, 0xbf];
const COLON = 0x3a;

/** Finds where the events of a stream end, whatever its line ends are, and scans their data. */
class EventLines {
  #scan = new AnswerScan();
  /** The first bytes of the line, while they may be `data:`; undefined: it is another field, or its value has begun. */
  #field: number[] | undefined = [];
  #isData = false;
  #hasData = false;
  #emptyLine = true;
  #seen = false;
  #afterCr = false;
  #ended = false;

  /** What the data of the event could be, as far as it is read. */
  get shape(): AnswerShape {
    return this.#scan.shape;
  }

  /** Begins another event. */
  begin(): void {
    this.#scan = new AnswerScan();
    this.#hasData = false;
  }

  /** Where events end in a part of the stream; `rest of end`: behind the LF of a CRLF whose CR was that end. */
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
    // Several lines of data are one text with line ends between.
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
