import { membersOf, memberText, replaceSpans, withMembers } from '../../json-members';
import { isObject } from '../../json-text';

/** The one member of a result that stands for a text. A server's own result never has it: its texts don't pass here. */
const REFERENCE = 'gatehouse/result';
/** How many texts wait at most to be written. */
const MOST_KEPT = 1_000;

/**
 * Results on their way through the SDK's server as the texts that they are: the SDK carries a reference, and whoever
 * writes or stores the message puts the text in its place.
 */
export class RawResults {
  readonly #texts = new Map<string, string>();

  /** A result for the SDK, which stands for this text. */
  keep(text: string): { [REFERENCE]: string } {
    const reference = crypto.randomUUID();
    // What a client that went away never took.
    if (this.#texts.size >= MOST_KEPT) this.#texts.delete(this.#texts.keys().next().value ?? '');
    this.#texts.set(reference, text);
    return { [REFERENCE]: reference };
  }

  /** The text of a message whose result is kept here; undefined of any other. */
  textOf(message: unknown): string | undefined {
    const result = isObject(message) ? message.result : undefined;
    const reference = isObject(result) ? result[REFERENCE] : undefined;
    return typeof reference === 'string' ? this.#restored(JSON.stringify(message)).text : undefined;
  }

  /** An HTTP answer of the SDK with each result that is kept here. */
  restore(response: Response): Response {
    if (!response.body) return response;
    const decoder = new TextDecoder();
    const encoder = new TextEncoder();
    // The SDK writes each message, or event, in one piece.
    const restored = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        const text = decoder.decode(chunk, { stream: true });
        if (!text.includes(REFERENCE)) return controller.enqueue(chunk);
        const lines = text.split('\n').map((line) => this.#restoredLine(line));
        controller.enqueue(encoder.encode(lines.join('\n')));
      },
    });
    return new Response(response.body.pipeThrough(restored), response);
  }

  #restoredLine(line: string): string {
    if (!line.includes(REFERENCE)) return line;
    const begin = line.indexOf('{');
    const { text, reference } = this.#restored(line.slice(begin));
    if (reference !== undefined) this.#texts.delete(reference);
    return line.slice(0, begin) + text;
  }

  #restored(message: string): { text: string; reference?: string } {
    const result = membersOf(message).get('result');
    const stamped = result && message.slice(result.start, result.end);
    const referred = stamped && memberText(stamped, REFERENCE);
    const reference = referred ? (JSON.parse(referred) as string) : '';
    const text = this.#texts.get(reference);
    if (!result || !stamped || text === undefined) return { text: message };
    return { text: replaceSpans(message, [{ ...result, text: withStamps(text, stamped) }]), reference };
  }
}

/** What the SDK adds to each result of the 2026 era, where the text doesn't say it itself. */
const STAMPS = ['resultType', 'ttlMs', 'cacheScope'];

function withStamps(text: string, stamped: string): string {
  const own = membersOf(text);
  const missing = STAMPS.filter((name) => !own.has(name)).map(
    (name) => [name, memberText(stamped, name)] as const,
  );
  return withMembers(text, Object.fromEntries(missing));
}
