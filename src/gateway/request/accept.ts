import { toJsonRpcError } from './refusal';

/* The header `Accept` as RFC 9110 section 12.5.1 has it, where MCP libraries look for two media types by their text. */

const TYPES = ['application/json', 'text/event-stream'];

/** Whether a client takes both forms of an answer (MCP, "Sending Messages to the Server"), by name or by a range. */
export function acceptsAnswers(headers: Headers): boolean {
  const accept = headers.get('accept');
  return accept === null || TYPES.every((type) => accepts(accept, type));
}

/** Whether a header `Accept` covers a media type: by its name or a range, unless its weight is 0. The closest counts. */
export function accepts(accept: string, type: string): boolean {
  const ranges = accept.split(',').map((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return { name, refused: parameters.some((one) => /^q\s*=\s*0(?:\.0*)?$/.test(one)) };
  });
  const names = [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*'];
  const found = names.map((name) => ranges.find((range) => range.name === name)).find((range) => range);
  return found !== undefined && !found.refused;
}

/**
 * A header `Accept` that names each form of an answer that it covers, as servers look for them: ranges and upper case
 * are not enough. What it had stays. `accept`: null when there was none, which covers everything.
 */
export function spelledOut(accept: string | null): string {
  if (accept === null || accept.trim() === '') return TYPES.join(', ');
  const missing = TYPES.filter((type) => !accept.includes(type) && accepts(accept, type));
  return [accept, ...missing].join(', ');
}

/** 406: no form of an answer would be taken. */
export function notAcceptable(): Response {
  return toJsonRpcError({ reason: 'not_acceptable' });
}
