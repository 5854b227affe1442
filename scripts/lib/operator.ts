import { createHash, hkdfSync, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';

/** Seconds that a signed request is good for; the gate takes no longer ones. */
const LIFETIME = 60;
/** What of the master keys such requests are signed with: `src/admin/operator.ts` has the same. */
const PURPOSE = 'operator-request';

/** A request that the operator makes with nothing but the deployment's `GATEHOUSE_KEYS`. */
export interface OperatorRequest {
  method: string;
  /** With its query. */
  path: string;
  body: string;
}

/**
 * The `Authorization` header of an operator's request: a JWT over method, path and body, good once and for a
 * minute, signed with a key that is derived from the current master key. Throws when the keys are none.
 */
export async function signOperatorRequest(keys: string, request: OperatorRequest): Promise<string> {
  const [version, master] = currentKey(keys);
  const key = hkdfSync('sha256', master, '', PURPOSE, 32);
  const { method, path, body } = request;
  const token = await new SignJWT({ method, path, body: createHash('sha256').update(body).digest('hex') })
    .setProtectedHeader({ alg: 'HS256', typ: 'operator+jwt', kid: version })
    .setJti(randomUUID())
    .setExpirationTime(Math.floor(Date.now() / 1000) + LIFETIME)
    .sign(new Uint8Array(key));
  return `Operator ${token}`;
}

/** The first version named in `GATEHOUSE_KEYS`, and its bytes. */
function currentKey(text: string): [string, Buffer] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error('GATEHOUSE_KEYS is not JSON');
  }
  const [first] = Object.entries(parsed ?? {}).filter(([name]) => name !== 'ids');
  if (!first || typeof first[1] !== 'string') throw new Error('GATEHOUSE_KEYS names no master key');
  return [first[0], Buffer.from(first[1], 'base64')];
}
