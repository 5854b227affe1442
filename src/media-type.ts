/** What a server may answer in: one JSON text, or a stream of events. */
export type AnswerType = 'application/json' | 'text/event-stream';

// Optional white space is spaces and tabs (RFC 9110 section 5.6.3); `trim` would take more for it.
const KNOWN = /^[ \t]*(application\/json|text\/event-stream)[ \t]*$/i;
const UTF_8 = /^[ \t]*charset=(?:utf-?8|"utf-?8")[ \t]*$/i;

/** Codings that the runtime undoes before anybody reads the body. */
const UNDONE = ['identity', 'gzip', 'br'];

/**
 * What an answer's body is, when it can be read as the client would: UTF-8, and with no coding left in it. Undefined
 * of anything else, and of what isn't known.
 */
export function answerTypeOf(headers: Headers): AnswerType | undefined {
  const [type = '', ...parameters] = (headers.get('content-type') ?? '').split(';');
  const known = KNOWN.exec(type)?.[1]?.toLowerCase() as AnswerType | undefined;
  const otherCharset = parameters.some((one) => /charset/i.test(one) && !UTF_8.test(one));
  const coding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  return !otherCharset && UNDONE.includes(coding) ? known : undefined;
}
