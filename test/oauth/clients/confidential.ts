import { env } from 'cloudflare:workers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { sha256Hex } from '../../../src/crypto';
import { type Answer, type Client, type Gate, gate } from '../../fixtures/worker';

/** A client that has a secret, and how it sends that. */
export interface Confidential extends Client {
  client_secret: string;
  /** Headers and parameters that authenticate it. */
  credentials(): { headers: Record<string, string>; form: Record<string, string> };
}

/** Registers a client with a secret. */
export async function registerConfidential(
  method: 'client_secret_basic' | 'client_secret_post',
  name = 'Confidential',
): Promise<Confidential> {
  const redirect_uri = 'https://app.example/callback';
  const body = JSON.stringify({
    client_name: name,
    redirect_uris: [redirect_uri],
    token_endpoint_auth_method: method,
  });
  const headers = { 'content-type': 'application/json' };
  const response = await gate.fetch('/oauth/register', { method: 'POST', headers, body });
  const { client_id, client_secret } = (await response.json()) as Record<string, string>;
  if (!client_id || !client_secret) throw new Error(`registration: ${response.status}`);
  const credentials = () =>
    method === 'client_secret_basic'
      ? { headers: basic(client_id, client_secret), form: {} }
      : { headers: {}, form: { client_id, client_secret } };
  return { client_id, redirect_uri, client_secret, credentials };
}

/** The header of `client_secret_basic`, each part form-encoded (RFC 6749 section 2.3.1). */
export function basic(client_id: string, client_secret: string): { authorization: string } {
  const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2);
  return { authorization: `Basic ${btoa(`${encode(client_id)}:${encode(client_secret)}`)}` };
}

/** A client that is known by its document and signs with a key. */
export interface SigningClient extends Client {
  /** A new assertion; the claims over the right ones. */
  assertion(claims?: Record<string, unknown>): Promise<string>;
}

/**
 * A client metadata document with the keys in it, as it is kept once it was fetched: nothing here can serve
 * one by https.
 */
export async function publishSigningClient(methods = ['private_key_jwt']): Promise<SigningClient> {
  const client_id = `https://signer.example/${crypto.randomUUID()}.json`;
  const redirect_uri = 'https://signer.example/callback';
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const now = Math.floor(Date.now() / 1000);
  const document = {
    client_id,
    client_name: 'Signer',
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: methods[0],
    token_endpoint_auth_methods_supported: methods,
    jwks: { keys: [await exportJWK(publicKey)] },
  };
  const record = { url: client_id, good: { document, fetched_at: now, fresh_until: now + 3600 } };
  await env.OAUTH_KV.put(`client-document:${await sha256Hex(client_id)}`, JSON.stringify(record));
  const assertion = (claims: Record<string, unknown> = {}) =>
    new SignJWT({
      iss: client_id,
      sub: client_id,
      aud: 'http://localhost:8787',
      jti: crypto.randomUUID(),
      iat: now,
      exp: now + 60,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(privateKey);
  return { client_id, redirect_uri, assertion };
}

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Posts a form with headers; `body` is `{}` when there is none. */
export async function send(
  path: string,
  form: Record<string, string> | [string, string][],
  headers: Record<string, string> = {},
  at: Gate = gate,
): Promise<Answer> {
  const response = await at.fetch(path, { method: 'POST', headers, body: new URLSearchParams(form) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : {} };
}
