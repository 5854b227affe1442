import { jwtVerify } from 'jose';
import { z } from 'zod';
import type { Deployment } from '../../config';
import { deriveSeed, sha256Hex } from '../../crypto';
import { claimOnce } from '../../flow';
import { ok, type Refusal, type Result, refuse } from '../../result';

/** Seconds that a signed request is valid for at most, and by which clocks may differ. */
export const OPERATOR_LIFETIME = 60;
const SKEW = 30;

/** The purpose of the signing key, derived from each master key. `scripts/lib/operator.ts` derives the same. */
const PURPOSE = 'operator-request';

/** Why an operator's request is refused. A client gets the same 401 for each. */
export type OperatorRefusal =
  | 'operator_malformed'
  | 'operator_key_unknown'
  | 'operator_signature'
  | 'operator_expired'
  /** The signature is for another method, path or body. */
  | 'operator_other_request'
  | 'operator_replayed';

const claims = z.object({
  jti: z.string().min(16).max(100),
  exp: z.int(),
  method: z.string(),
  path: z.string(),
  body: z.string(),
});

/** The parts of a request that its signature covers. `path`: with the query. */
export interface SignedRequest {
  authorization: string;
  method: string;
  path: string;
  body: string;
}

/**
 * Whether a request comes from somebody who has the deployment's `GATEHOUSE_KEYS`. `Authorization: Operator` is followed
 * by a JWT (HS256, valid for a minute, once) over method, path and body. `now`: seconds since the epoch.
 */
export async function verifyOperator(
  deployment: Deployment,
  request: SignedRequest,
  now: number,
): Promise<Result<null, Refusal<OperatorRefusal>>> {
  const token = /^operator +(\S+)$/i.exec(request.authorization)?.[1];
  if (token === undefined) return refuse('operator_malformed');
  const verified = await verifyToken(deployment, token, now);
  if (!verified.ok) return verified;
  const { jti, exp, method, path, body } = verified.value;
  const same = method === request.method && path === request.path && body === (await sha256Hex(request.body));
  if (!same) return refuse('operator_other_request');
  const first = await claimOnce(deployment, `operator\0${jti}`, exp + SKEW + 1);
  return first ? ok(null) : refuse('operator_replayed');
}

async function verifyToken(
  { keyring }: Deployment,
  token: string,
  now: number,
): Promise<Result<z.infer<typeof claims>, Refusal<OperatorRefusal>>> {
  try {
    const { payload } = await jwtVerify(
      token,
      async ({ kid }) => {
        const key = await deriveSeed(keyring, kid ?? '', PURPOSE);
        if (!key) throw new UnknownKey();
        return key;
      },
      { algorithms: ['HS256'], currentDate: new Date(now * 1000), clockTolerance: SKEW, typ: 'operator+jwt' },
    );
    const read = claims.safeParse(payload);
    if (!read.success) return refuse('operator_malformed');
    return read.data.exp <= now + OPERATOR_LIFETIME + SKEW ? ok(read.data) : refuse('operator_expired');
  } catch (error) {
    if (error instanceof UnknownKey) return refuse('operator_key_unknown');
    const { code } = error as { code?: string };
    if (code === 'ERR_JWT_EXPIRED') return refuse('operator_expired');
    return refuse(
      code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' ? 'operator_signature' : 'operator_malformed',
    );
  }
}

class UnknownKey extends Error {}
