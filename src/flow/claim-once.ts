import type { Deployment } from '../config';
import { sha256Hex } from '../crypto';

/**
 * Whether this is the first time that something works once, such as an assertion's `jti`. Remembered until
 * `expiresAt` (seconds since the epoch). Callers verify a signature first: nobody fills this by guessing.
 */
export async function claimOnce(deployment: Deployment, what: string, expiresAt: number): Promise<boolean> {
  return deployment.env.PENDING_FLOW.getByName(`once:${await sha256Hex(what)}`).claim(expiresAt);
}
