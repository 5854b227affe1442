import { exportJWK, importJWK, importPKCS8, type JWK, SignJWT } from 'jose';
import { isolateCache } from '../caches';
import type { Deployment } from '../config';
import { deriveSeed } from '../crypto';
import type { Principal } from './principal';

/*
 * The keys of identity tokens, by which servers know who calls. They are derived from the master keys, a new one for
 * each period, so nothing is stored and all instances have the same keys. The key of the next period is published
 * before it is used, and that of the last period for as long as its tokens can live.
 */

/** The length of a period, in seconds. */
const PERIOD = 30 * 24 * 3600;
/** The lifetime of a token, in seconds. */
const LIFETIME = 300;

/** PKCS #8 (RFC 5958) of a P-256 key, up to the 32 bytes of the private key itself (RFC 5915). */
const P256_PREFIX = [
  0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
  0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
];

/**
 * The key set at `/.well-known/jwks.json` (RFC 7517): for each master key, the keys of the last, this, and the next
 * period.
 *
 * @param now seconds since the epoch
 */
export async function publicKeys({ keyring }: Deployment, now: number): Promise<{ keys: JWK[] }> {
  const period = Math.floor(now / PERIOD);
  const wanted = [...keyring.versions.keys()].flatMap((version) =>
    [period - 1, period, period + 1].map((one) => ({ version, period: one })),
  );
  const keys = wanted.map(async ({ version, period: one }) => {
    const { d: _, key_ops: __, ext: ___, ...publicKey } = await signingKey({ keyring }, version, one);
    return publicKey;
  });
  return { keys: await Promise.all(keys) };
}

/**
 * A JWT access token (RFC 9068) that tells one server who the principal is. It is verified with {@link publicKeys}, and
 * lives five minutes.
 *
 * @param audience the server's `url`, or its resource at this deployment
 * @param now seconds since the epoch
 */
export async function issueIdentityToken(
  deployment: Deployment,
  principal: Principal,
  audience: string,
  now: number,
): Promise<string> {
  const version = deployment.keyring.current;
  const key = await signingKey(deployment, version, Math.floor(now / PERIOD));
  const { user, client, scope, identity, role } = principal;
  const claims = {
    client_id: client.id,
    scope: scope.join(' '),
    name: user.name,
    ...(user.email === undefined ? {} : { email: user.email, email_verified: user.email_verified }),
    groups: identity.groups,
    roles: [role],
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: key.kid ?? '' })
    .setIssuer(deployment.origin)
    .setSubject(user.id)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + LIFETIME)
    .setJti(crypto.randomUUID())
    .sign(await importJWK(key, 'ES256'));
}

const keysOf = isolateCache<Promise<JWK>>('identityKeys');

function signingKey({ keyring }: Pick<Deployment, 'keyring'>, version: string, period: number): Promise<JWK> {
  const kid = `${version}.${period}`;
  const cache = keysOf(keyring);
  const cached = cache.get(kid);
  if (cached) return cached;
  const made = makeKey();
  cache.set(kid, made);
  return made;

  async function makeKey(): Promise<JWK> {
    const seed = await deriveSeed(keyring, version, `identity-token\0${period}`);
    if (!seed) throw new Error(`no master key ${version}`);
    const der = Uint8Array.from([...P256_PREFIX, ...seed]);
    const pem = `-----BEGIN PRIVATE KEY-----\n${btoa(String.fromCharCode(...der))}\n-----END PRIVATE KEY-----`;
    const jwk = await exportJWK(await importPKCS8(pem, 'ES256', { extractable: true }));
    return { ...jwk, kid, alg: 'ES256', use: 'sig' };
  }
}
