import { jwtVerify } from 'jose';
import { z } from 'zod';
import type { Deployment } from '../config';
import { deriveSeed, sha256Hex } from '../crypto';
import { claimOnce } from '../flow';
import { ok, type Refusal, type Result, refuse } from '../result';

/** Seconds that a signed request is good for, by its own word and by the gate's. */
export const OPERATOR_LIFETIME = 60;
const SKEW = 30;

/** What key, of each version of the master keys, such requests are signed with. `scripts/lib/operator.ts` too. */
const PURPOSE = 'operator-request';

export type OperatorRefusal =
  | 'operator_malformed'
  | 'operator_key_unknown'
  | 'operator_signature'
  | 'operator_expired'
  | 'operator_other_request'
  | 'operator_replayed';

const claims = z.object({
  jti: z.string().min(16).max(100),
  exp: z.int(),
  method: z.string(),
  path: z.string(),
  body: z.string(),
});

/** A request as its signature covers it. `path`: with its query. */
export interface SignedRequest {
  authorization: string;
  method: string;
  path: string;
  body: string;
}

/**
 * Whether a request comes from somebody who has the deployment's `GATEHOUSE_KEYS`: `Authorization: Operator`
 * a JWT (HS256, one minute) over method, path and body, each once.
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
