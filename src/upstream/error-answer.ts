import { decodeUtf8 } from '../http';
import { isObject, parseJsonText } from '../json-text';
import { answerTypeOf } from '../media-type';
import { readHead } from './answers';

/** The longest error that is read for a server's own words, in bytes. */
const MAX_BYTES = 64 * 1024;

/** What an HTTP answer that isn't 2xx says. */
export interface ErrorAnswer {
  /**
   * Whether it is a JSON-RPC answer: to the request with this id (`this`), or an error that names no request (`none`).
   * Undefined: there is nothing of JSON-RPC in it, or the id of another request.
   */
  answers: 'this' | 'none' | undefined;
  /** The answer as it came, to be read again; what was too long has no body. */
  response: Response;
}

/** Reads an answer that isn't 2xx. A body that readers could understand in two ways answers nothing. */
export async function readErrorAnswer(
  answer: Response,
  id: string | number | undefined,
): Promise<ErrorAnswer> {
  const { status, headers, body } = answer;
  if (!body) return { answers: undefined, response: answer };
  const { bytes, rest, broken } = await readHead(body, MAX_BYTES);
  await rest?.cancel().catch(() => undefined);
  const isWhole = !rest && !broken;
  const response = new Response(isWhole && bytes.length > 0 ? bytes : null, { status, headers });
  const type = answerTypeOf(headers);
  if (!isWhole || !type) return { answers: undefined, response };
  const text = decodeUtf8(bytes) ?? '';
  return { answers: answersIn(type === 'application/json' ? text : firstEvent(text), id), response };
}

function answersIn(text: string, id: string | number | undefined): ErrorAnswer['answers'] {
  const parsed = parseJsonText(text);
  if (!parsed.ok || !isObject(parsed.value)) return undefined;
  const { id: named = null, method, result, error } = parsed.value;
  if (typeof method === 'string' || (!isObject(error) && !isObject(result))) return undefined;
  if (id !== undefined && named === id) return 'this';
  return named === null && isObject(error) ? 'none' : undefined;
}

/** The data of the first event that has any (WHATWG HTML, section 9.2.6). */
function firstEvent(text: string): string {
  const events = text.split(/(?:\r\n|\n|\r){2}/).map((event) =>
    event
      .split(/\r\n|\n|\r/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice('data:'.length))
      .join('\n'),
  );
  return events.find((data) => data.trim() !== '') ?? '';
}
