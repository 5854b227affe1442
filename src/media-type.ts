/** The media types that a server may answer with: one JSON text, or a stream of events. */
export type AnswerType = 'application/json' | 'text/event-stream';

// Optional white space is spaces and tabs (RFC 9110 section 5.6.3); `trim` would remove more.
const KNOWN = /^[ \t]*(application\/json|text\/event-stream)[ \t]*$/i;
const UTF_8 = /^[ \t]*charset=(?:utf-?8|"utf-?8")[ \t]*$/i;

/** Content codings that the runtime decodes before the body is read. */
const DECODED = ['identity', 'gzip', 'br'];

/**
 * The media type of an answer, if its body can be read as the client would read it: in UTF-8, with no content coding
 * left. Undefined otherwise, and for other types.
 */
export function answerTypeOf(headers: Headers): AnswerType | undefined {
  const [type = '', ...parameters] = (headers.get('content-type') ?? '').split(';');
  const known = KNOWN.exec(type)?.[1]?.toLowerCase() as AnswerType | undefined;
  const otherCharset = parameters.some((one) => /charset/i.test(one) && !UTF_8.test(one));
  const coding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  return !otherCharset && DECODED.includes(coding) ? known : undefined;
}
