import { answerTypeOf } from '../../media-type';
import { spelledOut } from './accept';

/** The headers of a client's request that reach a server: none that says, or claims to say, who is calling. */
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
  return new Headers(passedOn(from).filter(([name]) => name !== 'mcp-session-id'));
}

/** What a client accepts, by the names that servers look for; without the header, everything. */
function acceptOf(from: Headers): [string, string] {
  return ['accept', spelledOut(from.get('accept'))];
}

/** The same with the session id, which a `passthrough` server gets as it came. */
export function passedOn(from: Headers): [name: string, value: string][] {
  const passes = (name: string) => REQUEST_HEADERS.includes(name) || name.startsWith('mcp-param-');
  const passed = [...from].filter(([name]) => passes(name) || name === 'mcp-session-id');
  return [acceptOf(from), ...passed.filter(([name]) => name !== 'accept')];
}

/**
 * The answer's headers, all in the gate's own spelling. It was made for one caller's credential: nobody stores it
 * (RFC 9111 section 3.5), whatever the server says, and nothing on the way may rewrite a stream.
 */
export function returnedHeaders(from: Headers): Headers {
  const type = answerTypeOf(from);
  const stored = type === 'text/event-stream' ? 'no-store, no-transform' : 'no-store';
  const headers = new Headers({ 'Cache-Control': stored });
  // Both are UTF-8, said or not (RFC 8259 section 8.1; WHATWG HTML, section 9.2.5).
  if (type !== undefined) headers.set('Content-Type', type);
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
