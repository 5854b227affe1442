import { membersOf, memberText, replaceSpans, withMembers } from '../../json-members';
import { isObject } from '../../json-text';

/** The only member of a placeholder result. No result of a server has it, because those never pass the SDK. */
const REFERENCE = 'gatehouse/result';
/** The most texts that are kept at once. */
const MOST_KEPT = 1_000;

/**
 * Results that pass the SDK's server as unchanged texts. The SDK gets a placeholder, and the text is put in its place
 * when the message is sent ({@link restore}) or stored ({@link textOf}).
 */
export class RawResults {
  readonly #texts = new Map<string, string>();

  /** A placeholder result for this text, for the SDK. `text`: the JSON of a result. */
  keep(text: string): { [REFERENCE]: string } {
    const reference = crypto.randomUUID();
    // The oldest one: its client went away before it was sent.
    if (this.#texts.size >= MOST_KEPT) this.#texts.delete(this.#texts.keys().next().value ?? '');
    this.#texts.set(reference, text);
    return { [REFERENCE]: reference };
  }

  /** The JSON of a message whose result is a placeholder, with the kept text; undefined for any other message. */
  textOf(message: unknown): string | undefined {
    const result = isObject(message) ? message.result : undefined;
    const reference = isObject(result) ? result[REFERENCE] : undefined;
    return typeof reference === 'string' ? this.#restored(JSON.stringify(message)).text : undefined;
  }

  /** A response of the SDK with the kept texts in the place of the placeholders. */
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

/** The members that the SDK adds to each result of the 2026 era. They are added where the text lacks them. */
const STAMPS = ['resultType', 'ttlMs', 'cacheScope'];

function withStamps(text: string, stamped: string): string {
  const own = membersOf(text);
  const missing = STAMPS.filter((name) => !own.has(name)).map(
    (name) => [name, memberText(stamped, name)] as const,
  );
  return withMembers(text, Object.fromEntries(missing));
}
