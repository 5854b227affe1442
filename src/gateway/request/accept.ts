/** Whether a client takes both forms of an answer (MCP, "Sending Messages to the Server"), by RFC 9110 section 12.5.1. */
export function acceptsAnswers(headers: Headers): boolean {
  const accept = headers.get('accept');
  if (accept === null) return true;
  return accepts(accept, 'application/json') && accepts(accept, 'text/event-stream');
}

/** Whether a header `Accept` covers a media type: by its name or a range, unless its weight is 0. */
export function accepts(accept: string, type: string): boolean {
  const ranges = accept.split(',').map((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return { name, refused: parameters.some((one) => /^q=0(\.0*)?$/.test(one)) };
  });
  const names = [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*'];
  const found = names.map((name) => ranges.find((range) => range.name === name)).find((range) => range);
  return found !== undefined && !found.refused;
}

/** 406: no form of an answer would be taken. */
export function notAcceptable(): Response {
  const message = 'Not Acceptable: Client must accept both application/json and text/event-stream';
  return Response.json({ jsonrpc: '2.0', id: null, error: { code: -32000, message } }, { status: 406 });
}
