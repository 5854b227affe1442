import { mediaType } from './browser-request';

/** What of a client's request reaches a server: nothing that tells, or claims to tell, who is calling. */
const REQUEST_HEADERS = [
  'accept',
  'accept-language',
  'content-type',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'traceparent',
  'tracestate',
];

/** What of a server's answer reaches a client, and in which form. Its session id is looked at where it is used. */
const RESPONSE_HEADERS: Record<string, RegExp> = {
  'mcp-protocol-version': /^[\w.-]{1,40}$/,
  // Seconds, or a date (RFC 9110 section 10.2.3).
  'retry-after': /^[\w ,:+-]{1,40}$/,
};

/** The request headers that pass, with those that 2026-era tools name for their parameters. */
export function forwardedHeaders(from: Headers): Headers {
  const headers = new Headers();
  for (const [name, value] of from) {
    if (REQUEST_HEADERS.includes(name) || name.startsWith('mcp-param-')) headers.set(name, value);
  }
  return headers;
}

/** The same with the session id, which a `passthrough` server gets as it came. */
export function passedOnHeaders(from: Headers): Headers {
  const headers = forwardedHeaders(from);
  const session = from.get('mcp-session-id');
  if (session !== null) headers.set('mcp-session-id', session);
  return headers;
}

/**
 * The type of an answer that may reach a client, since a browser runs neither, whoever wrote it; undefined for any other, whose body goes nowhere. */
export function answerType(answer: {
  headers: Headers;
}): 'application/json' | 'text/event-stream' | undefined {
  const type = mediaType(answer);
  return type === 'application/json' || type === 'text/event-stream' ? type : undefined;
}

/**
 * The answer's headers, all in the gate's own spelling. It was made for one caller's credential: nobody stores it
 * (RFC 9111 section 3.5), whatever the server says, and nothing on the way may rewrite a stream.
 */
export function returnedHeaders(from: Headers): Headers {
  const type = answerType({ headers: from });
  const stored = type === 'text/event-stream' ? 'no-store, no-transform' : 'no-store';
  const headers = new Headers({ 'Cache-Control': stored });
  // JSON is UTF-8 (RFC 8259 section 8.1), said or not: another charset is what nobody here reads.
  const utf8 = /;\s*charset="?utf-8"?\s*$/i.test(from.get('content-type') ?? '');
  if (type !== undefined) headers.set('Content-Type', utf8 ? `${type}; charset=utf-8` : type);
  for (const [name, form] of Object.entries(RESPONSE_HEADERS)) {
    const value = from.get(name);
    if (value !== null && form.test(value)) headers.set(name, value);
  }
  return headers;
}

/** Whether a status tells a client enough without a body: accepted, nothing to say, or the client's fault. */
export function saysEnough(status: number): boolean {
  return status === 202 || status === 204 || (status >= 400 && status < 500);
}
