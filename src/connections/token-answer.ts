/**
 * A token endpoint's answer as RFC 6749 section 5 has it: JSON, or form-encoded as some providers send it;
 * members that mean nothing (null, an `expires_in` that is no number) left out, a list of scopes joined, a missing
 * `token_type` read as Bearer. Undefined when it is neither.
 */
export function readTokenAnswer(text: string): Record<string, unknown> | undefined {
  const read = parseJson(text) ?? parseForm(text);
  if (!read) return undefined;
  const answer: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(read)) {
    if (value !== null && value !== '') answer[name] = value;
  }
  const expires = Number(answer.expires_in);
  if (Number.isFinite(expires) && expires > 0) answer.expires_in = Math.floor(expires);
  else delete answer.expires_in;
  if (Array.isArray(answer.scope)) answer.scope = answer.scope.join(' ');
  else if (typeof answer.scope !== 'string') delete answer.scope;
  if (answer.access_token !== undefined) answer.token_type ??= 'Bearer';
  return answer;
}

/** An object in JSON; undefined for all else. */
export function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return isObject ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function parseForm(text: string): Record<string, unknown> | undefined {
  const form = new URLSearchParams(text.trim());
  const tells = form.has('access_token') || form.has('error');
  return tells ? Object.fromEntries(form) : undefined;
}
