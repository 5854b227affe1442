import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { elementsOf } from '../json-members';
import { isObject, parseJsonText } from '../json-text';
import { answerTypeOf } from '../media-type';

/** A JSON-RPC message of a server: as it was written, and parsed. */
export interface ServerMessage {
  text: string;
  value: Record<string, unknown>;
  /** The id of the event that it came in, where a stream can be resumed (MCP 2025-11-25, "Resumability"). */
  eventId: string | undefined;
}

/** The longest HTTP answer that is read, in bytes. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * The messages in a server's HTTP answer, one after the other: one JSON object, an array (2025-03-26), or a stream of
 * events. What isn't a JSON object, or can be read in two ways (`json-text.ts`), is left out.
 *
 * @throws when the answer breaks off, isn't UTF-8, or is longer than `maxBytes`
 */
export async function* messagesOf(
  answer: Response,
  maxBytes = MAX_ANSWER_BYTES,
): AsyncGenerator<ServerMessage, void> {
  const type = answerTypeOf(answer.headers);
  if (!type || !answer.body) {
    await answer.body?.cancel();
    return;
  }
  const reader = answer.body.getReader();
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  const whole: string[] = [];
  let length = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      length += part.value.length;
      if (length > maxBytes) throw new Error('the answer is too large');
      const text = decoder.decode(part.value, { stream: true });
      if (type === 'application/json') whole.push(text);
      else parser.feed(text);
      for (const { data, id } of events.splice(0)) yield* messagesIn(data, id);
    }
    yield* messagesIn(whole.join('') + decoder.decode(), undefined);
  } finally {
    // The caller may stop before the end of the answer.
    await reader.cancel().catch(() => undefined);
  }
}

function* messagesIn(text: string, eventId: string | undefined): Generator<ServerMessage> {
  if (text.trim() === '') return;
  const parsed = parseJsonText(text);
  if (!parsed.ok) return;
  if (isObject(parsed.value)) yield { text, value: parsed.value, eventId };
  if (!Array.isArray(parsed.value)) return;
  for (const [index, { start, end }] of elementsOf(text).entries()) {
    const value: unknown = parsed.value[index];
    if (isObject(value)) yield { text: text.slice(start, end), value, eventId };
  }
}
