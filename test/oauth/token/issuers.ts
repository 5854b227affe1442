import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { vi } from 'vitest';
import { now } from '../../fixtures/clock';
import { type Answer, type Gate, gate, gateWith, postForm } from '../../fixtures/worker';

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const TYPE = 'urn:ietf:params:oauth:token-type:';
export const JOB = 'repo:acme/app:ref:refs/heads/main';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** Somebody who signs tokens for jobs, with keys at an address that the test answers for. */
export interface Issuer {
  issuer: string;
  jwks_uri: string;
  keys: KeyPair;
  /** What its key address answers from now on, and how often it was asked. */
  serve(answer: () => Response | Promise<Response>): void;
  publish(kid: string, keys: KeyPair): Promise<void>;
  requests(): number;
  /** A token for a job; the claims over the right ones. */
  token(claims?: JWTPayload, header?: Record<string, unknown>, keys?: KeyPair): Promise<string>;
}

const outside = globalThis.fetch;
let count = 0;

/** An issuer of its own for each test: what was fetched of one stays while the isolate lives. */
export async function makeIssuer(): Promise<Issuer> {
  count += 1;
  const issuer = `https://jobs-${count}.example`;
  const jwks_uri = `${issuer}/keys`;
  const keys = await generateKeyPair('ES256', { extractable: true });
  let answer: () => Response | Promise<Response> = () => new Response(null, { status: 404 });
  let requests = 0;
  const discovery = Response.json({ issuer, jwks_uri });
  const before = globalThis.fetch;
  vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
    if (url === `${issuer}/.well-known/openid-configuration`) return discovery.clone();
    if (url !== jwks_uri) return before === outside ? new Response(null, { status: 404 }) : before(url, init);
    requests += 1;
    return answer();
  });
  const made: Issuer = {
    issuer,
    jwks_uri,
    keys,
    serve: (next) => {
      answer = next;
    },
    publish: async (kid, pair) => {
      const jwk = { ...(await exportJWK(pair.publicKey)), kid, use: 'sig' };
      answer = () => Response.json({ keys: [jwk] });
    },
    requests: () => requests,
    token: (claims = {}, header = {}, pair = keys) =>
      new SignJWT({
        iss: issuer,
        sub: JOB,
        aud: gate.origin,
        iat: now(),
        exp: now() + 900,
        jti: crypto.randomUUID(),
        repository: 'acme/app',
        ref: 'refs/heads/main',
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', kid: 'a', typ: 'JWT', ...header })
        .sign(pair.privateKey),
  };
  await made.publish('a', keys);
  return made;
}

/** A rule that the tokens of {@link Issuer} fall under. */
export const RULE = { claims: [{ claim: 'repository', eq: 'acme/app' }], role: 'member' };

/** The gate with an issuer that it trusts; `changes` over its table, `variables` beside it. */
export function trusting(
  { issuer }: Issuer,
  changes: Record<string, unknown> = {},
  variables: Record<string, unknown> = {},
): Gate {
  const trusted = { name: 'jobs', title: 'Acme jobs', issuer, rules: [RULE], ...changes };
  return gateWith({ TRUSTED_ISSUERS: JSON.stringify([trusted]), ...variables });
}

/** Exchanges a signed token (RFC 8693); `form` over the right parameters. */
export function exchangeJwt(at: Gate, token: string, form: Record<string, string> = {}): Promise<Answer> {
  const request = { subject_token: token, subject_token_type: `${TYPE}jwt` };
  return postForm('/oauth/token', { grant_type: TOKEN_EXCHANGE, ...request, ...form }, at);
}

/** Presents it as an assertion (RFC 7523). */
export function assertJwt(at: Gate, assertion: string, form: Record<string, string> = {}): Promise<Answer> {
  return postForm('/oauth/token', { grant_type: JWT_BEARER, assertion, ...form }, at);
}
