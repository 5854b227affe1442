/** What a registration answer has that the gate uses (RFC 7591 section 3.2.1). */
type Answer = Record<string, unknown>;

/**
 * A registration answer read leniently: null and `""` count as absent, an optional member of a wrong type too, and
 * what the provider repeats of the gate's own metadata is left out. `client_id` and `client_secret` of another type
 * stay, and make the answer unusable. `redirect_uri`: the one that was registered, which the SDK wants in the answer.
 */
export function readRegistrationAnswer(answer: Answer, redirect_uri: string): Answer {
  const { client_id, client_secret, client_secret_expires_at, token_endpoint_auth_method } = answer;
  const ends = readTime(client_secret_expires_at);
  const method = typeof token_endpoint_auth_method === 'string' ? token_endpoint_auth_method : '';
  return {
    ...(isEmpty(client_id) ? {} : { client_id }),
    ...(isEmpty(client_secret) ? {} : { client_secret }),
    ...(ends === undefined ? {} : { client_secret_expires_at: ends }),
    ...(method === '' ? {} : { token_endpoint_auth_method: method }),
    redirect_uris: [redirect_uri],
  };
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** Seconds since the epoch, as a number or as text; undefined for all else. */
function readTime(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const time = value === '' ? Number.NaN : Number(value);
  return Number.isFinite(time) ? time : undefined;
}
