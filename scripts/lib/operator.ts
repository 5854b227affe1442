import { createHash, hkdfSync, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';

/** Seconds for which a signed request is valid; the gate refuses longer ones. */
const LIFETIME = 60;
/** The purpose from which the signing key is derived; the same as in `src/admin/shared/operator.ts`. */
const PURPOSE = 'operator-request';

/** A request of the operator, authorized only by the deployment's `GATEHOUSE_KEYS`. */
export interface OperatorRequest {
  method: string;
  /** With its query. */
  path: string;
  body: string;
}

/**
 * The `Authorization` header of an operator's request: a JWT over method, path, and body, valid once and for a minute,
 * signed with a key derived from the current master key. Throws when the keys aren't valid.
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

/** The name of the first version in `GATEHOUSE_KEYS`, and its bytes. */
function currentKey(text: string): [string, Buffer] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error('GATEHOUSE_KEYS isn’t valid JSON');
  }
  const [first] = Object.entries(parsed ?? {}).filter(([name]) => name !== 'ids');
  if (!first || typeof first[1] !== 'string') throw new Error('GATEHOUSE_KEYS has no master key');
  return [first[0], Buffer.from(first[1], 'base64')];
}
