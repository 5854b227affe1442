import { createHash, randomBytes } from 'node:crypto';

/** A JSON answer; `body` is `{}` when the answer is empty. */
export interface JsonAnswer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

export interface Tokens {
  access_token: string;
  refresh_token: string;
  token_type: string;
  expires_in: number;
  scope: string;
}

/** A registered public client, with the redirect URI for its authorization requests. */
export interface PublicClient {
  client_id: string;
  redirect_uri: string;
}

/** Registers a client (RFC 7591); returns the gate's answer. */
export function requestRegistration(origin: string, metadata: unknown): Promise<JsonAnswer> {
  return send(`${origin}/oauth/register`, JSON.stringify(metadata), 'application/json');
}

/** Registers a public client; throws when the gate refuses. */
export async function registerClient(
  origin: string,
  redirect_uri: string,
  metadata: Record<string, unknown> = {},
): Promise<PublicClient> {
  const { status, body } = await requestRegistration(origin, {
    client_name: 'Test client',
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...metadata,
  });
  if (status !== 201) throw new Error(`registration: ${status} ${JSON.stringify(body)}`);
  return { client_id: String(body.client_id), redirect_uri };
}

/** A code verifier and its S256 challenge (RFC 7636). */
export function makePkce(): { code_verifier: string; code_challenge: string } {
  const code_verifier = randomBytes(32).toString('base64url');
  return { code_verifier, code_challenge: createHash('sha256').update(code_verifier).digest('base64url') };
}

/** The parameters of an authorization request (RFC 6749, section 4.1.1, with PKCE); `more` overrides them. */
export function authorizationParams(
  client: PublicClient,
  code_challenge: string,
  more: Record<string, string> = {},
): Record<string, string> {
  return {
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: client.redirect_uri,
    code_challenge,
    code_challenge_method: 'S256',
    state: randomBytes(12).toString('base64url'),
    ...more,
  };
}

/** Sends any request to the token endpoint; returns the gate's answer. */
export function requestToken(origin: string, params: Record<string, string>): Promise<JsonAnswer> {
  return send(`${origin}/oauth/token`, new URLSearchParams(params).toString());
}

/** Revokes a token (RFC 7009); returns the gate's answer. */
export function requestRevocation(origin: string, params: Record<string, string>): Promise<JsonAnswer> {
  return send(`${origin}/oauth/revoke`, new URLSearchParams(params).toString());
}

/** Redeems the code in a redirect to the client; throws when there is none, or the gate refuses. */
export async function exchangeCode(
  origin: string,
  client: PublicClient,
  callback: URL,
  code_verifier: string,
  more: Record<string, string> = {},
): Promise<Tokens> {
  const code = callback.searchParams.get('code');
  if (!code) throw new Error(`no code came back: ${callback.search}`);
  return tokensOf(
    await requestToken(origin, {
      grant_type: 'authorization_code',
      code,
      client_id: client.client_id,
      redirect_uri: client.redirect_uri,
      code_verifier,
      ...more,
    }),
  );
}

/** Refreshes; throws when the gate refuses. */
export async function refreshTokens(
  origin: string,
  client: PublicClient,
  refresh_token: string,
): Promise<Tokens> {
  return tokensOf(
    await requestToken(origin, { grant_type: 'refresh_token', refresh_token, client_id: client.client_id }),
  );
}

function tokensOf({ status, body }: JsonAnswer): Tokens {
  if (status !== 200) throw new Error(`token endpoint: ${status} ${JSON.stringify(body)}`);
  return body as unknown as Tokens;
}

async function send(
  url: string,
  body: string,
  type = 'application/x-www-form-urlencoded',
): Promise<JsonAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': type, accept: 'application/json' },
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : {} };
}
