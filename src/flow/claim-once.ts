import type { Deployment } from '../config';
import { sha256Hex } from '../crypto';

/**
 * Whether this is the first use of something that may be used once, such as an assertion's `jti` (RFC 7523 section 3).
 * The use is remembered until `expiresAt` (seconds since the epoch). Callers verify a signature first, so that nobody
 * can fill the storage with made-up values.
 */
export async function claimOnce(deployment: Deployment, what: string, expiresAt: number): Promise<boolean> {
  return deployment.env.PENDING_FLOW.getByName(`once:${await sha256Hex(what)}`).claim(expiresAt);
}
