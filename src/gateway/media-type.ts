/** What a server may answer in: one JSON text, or a stream of events. */
export type AnswerType = 'application/json' | 'text/event-stream';

const TYPES: readonly string[] = ['application/json', 'text/event-stream'] satisfies AnswerType[];

/** Codings that the runtime undoes before anybody reads the body. */
const UNDONE = ['identity', 'gzip', 'br'];

/**
 * What an answer's body is, when it can be read as the client would: UTF-8, and with no coding left in it. Undefined
 * of anything else, and of what isn't known.
 */
export function answerTypeOf(headers: Headers): AnswerType | undefined {
  const [type = '', ...parameters] = (headers.get('content-type') ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  const known = TYPES.includes(type);
  const otherCharset = parameters.some(
    (one) => one.includes('charset') && !/^charset=(?:utf-?8|"utf-?8")$/.test(one),
  );
  const coding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  return known && !otherCharset && UNDONE.includes(coding) ? (type as AnswerType) : undefined;
}
