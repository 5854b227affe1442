/*
 * Server-sent events (WHATWG HTML, section 9.2) on their way through: passed on as the bytes they came as, but
 * for those that a rewriter changes.
 */

const LF = 10;
const CR = 13;

/** How long an event may be to be looked at. Longer ones pass as they come, or end the stream. */
export interface EventLimits {
  maxBytes: number;
  tooLong: 'pass' | 'fail';
}

/**
 * A stream of events in which `rewrite` may change the data of each: it gets the data and returns the new
 * one, or undefined to leave the event's bytes alone. An event is held back until it is whole.
 */
export function rewriteEvents(
  limits: EventLimits,
  rewrite: (data: string) => string | undefined,
): TransformStream<Uint8Array, Uint8Array> {
  let held: Uint8Array[] = [];
  let length = 0;
  let passing = false;
  const end = new EventEnd();
  return new TransformStream({
    transform(chunk, controller) {
      let from = 0;
      for (let at = 0; at < chunk.length; at++) {
        const ended = end.after(chunk[at] as number);
        if (ended === 'no') continue;
        const part = chunk.subarray(from, at + 1);
        // The LF of a CRLF that has ended an event goes on at once: a reader that saw the CR waits for it.
        if (ended === 'already') controller.enqueue(part);
        else finish(part, controller);
        from = at + 1;
      }
      if (from < chunk.length) hold(chunk.subarray(from), controller);
    },
    flush(controller) {
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
    if (passing) {
      controller.enqueue(part);
    } else {
      held.push(part);
      length += part.length;
    }
  }

  function finish(part: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>): void {
    hold(part, controller);
    for (const bytes of rewritten()) controller.enqueue(bytes);
    held = [];
    length = 0;
    passing = false;
  }

  function rewritten(): Uint8Array[] {
    const text = held.length === 0 ? '' : new TextDecoder().decode(joined(held, length));
    const lines = text.split(/\r\n|\n|\r/);
    const data = lines
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5).replace(/^ /, ''));
    const changed = data.length === 0 ? undefined : rewrite(data.join('\n'));
    if (changed === undefined) return held;
    const others = lines.filter((line) => line !== '' && !line.startsWith('data:'));
    return [new TextEncoder().encode([...others, `data: ${changed}`, '', ''].join('\n'))];
  }
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

/**
 * Tells when a blank line has ended: the end of an event, whatever the line endings are. `already`: the byte
 * is the LF of a CRLF whose CR was that end.
 */
class EventEnd {
  private emptyLine = true;
  private afterCr = false;
  private seen = false;
  private ended = false;

  after(byte: number): 'no' | 'yes' | 'already' {
    if (byte === LF && this.afterCr) {
      this.afterCr = false;
      return this.ended ? 'already' : 'no';
    }
    this.afterCr = byte === CR;
    const isBreak = byte === LF || byte === CR;
    this.ended = isBreak && this.emptyLine && this.seen;
    this.seen = !isBreak || (this.seen && !this.ended);
    this.emptyLine = isBreak;
    return this.ended ? 'yes' : 'no';
  }
}

function joined(parts: Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
