import { seconds } from '../clock';
import type { Deployment } from '../config';
import {
  flowIdExpiry,
  makeFlowId,
  randomSecret,
  seal,
  sha256Hex,
  timingSafeEqual,
  unseal,
  userCodeHash,
} from '../crypto';
import type { Source } from '../limits';
import { ok, type Refusal, type Result, refuse } from '../result';
import { type DeviceRefusal, POLL_INTERVAL } from './device-state';
import type { Dropped } from './pool';
import { type Guesser, makeUserCode, type UserCodeRefusal } from './user-codes';

/** A device authorization that was started (RFC 8628 section 3.2); times in seconds. */
export interface OpenedDevice {
  id: string;
  device_code: string;
  user_code: string;
  expires_in: number;
  interval: number;
}

/** The answer to a device's poll; `approved` is the value that was given to {@link answerDevice}. */
export type DeviceAnswer<V> =
  | { state: 'authorization_pending' | 'slow_down' | 'access_denied' }
  | { state: 'approved'; approved: V };

/** The object that holds every user code. */
const DIRECTORY = 'user-codes';
const ATTEMPTS = 5;

/**
 * Starts a device flow that lasts `TOKENS.flow` seconds. Where too many are waiting, the oldest one of the same source
 * ends, or the oldest of the source that has the most.
 *
 * @param describe makes the flow's data from its user code
 * @returns refused as `user_code_taken` when no free user code was found
 */
export async function openDevice(
  deployment: Deployment,
  from: Source,
  describe: (userCode: string) => object,
): Promise<Result<OpenedDevice, Refusal<UserCodeRefusal>>> {
  const now = seconds();
  const expires_in = deployment.settings.tokens.flow;
  const expiresAt = now + expires_in;
  const id = await makeFlowId(deployment.keyring, expiresAt);
  const directory = deployment.env.PENDING_FLOW.getByName(DIRECTORY);
  for (let attempt = 1; ; attempt++) {
    const user_code = makeUserCode();
    const hash = await userCodeHash(deployment.keyring, user_code);
    const data = await seal(deployment.keyring, hash, id);
    const kept = await directory.keepCode({ id: hash, from, expiresAt, data });
    if (!kept.ok && (kept.error.reason !== 'user_code_taken' || attempt === ATTEMPTS)) return kept;
    if (!kept.ok) continue;
    for (const dropped of kept.value) await discardDevice(deployment, dropped);
    const secret = randomSecret();
    const about = await seal(deployment.keyring, id, describe(user_code));
    await deployment.env.PENDING_FLOW.getByName(id).openDevice(await sha256Hex(secret), about, expiresAt);
    return ok({ id, device_code: `${id}.${secret}`, user_code, expires_in, interval: POLL_INTERVAL });
  }
}

/**
 * Finds a device that waits for a decision, by the code that a person typed (a wrong one counts against that person) or
 * by the id in its link.
 */
export async function findDevice<T extends { user_code: string }>(
  deployment: Deployment,
  code: string,
  by: Guesser & { id: string | undefined },
): Promise<Result<{ id: string; data: T }, Refusal<UserCodeRefusal | DeviceRefusal>>> {
  const { id: link, ...guesser } = by;
  const linked = link === undefined ? undefined : await readDevice<T>(deployment, link);
  if (linked && !linked.ok) return linked;
  if (linked?.ok && timingSafeEqual(linked.value.data.user_code, code)) return linked;
  const hash = await userCodeHash(deployment.keyring, code);
  const kept = await deployment.env.PENDING_FLOW.getByName(DIRECTORY).findCode(hash, guesser);
  if (!kept.ok) return kept;
  const id = await unseal<string>(deployment.keyring, hash, kept.value);
  return id.ok ? readDevice<T>(deployment, id.value) : refuse('device_code_expired');
}

/** A device's poll (RFC 8628 section 3.4). Refused unless `isOwn` says that the flow's data is the client's. */
export async function pollDevice<T, V>(
  deployment: Deployment,
  device_code: string,
  isOwn: (data: T) => boolean,
): Promise<Result<DeviceAnswer<V>, Refusal<DeviceRefusal | 'device_code_client_mismatch'>>> {
  const [id = '', secret = '', rest] = device_code.split('.');
  const expiresAt = await flowIdExpiry(deployment.keyring, id);
  if (expiresAt === undefined || rest !== undefined) return refuse('device_code_unknown');
  if (expiresAt <= seconds()) return refuse('device_code_expired');
  const polled = await deployment.env.PENDING_FLOW.getByName(id).pollDevice(await sha256Hex(secret));
  if (!polled.ok) return polled;
  const { data: sealed, verdict } = polled.value;
  const data = await unseal<T>(deployment.keyring, id, sealed);
  if (!data.ok) return refuse('device_code_expired');
  if (!isOwn(data.value)) return refuse('device_code_client_mismatch');
  if (verdict.state !== 'approved') return ok(verdict);
  const approved = await unseal<V>(deployment.keyring, id, verdict.sealed);
  return approved.ok ? ok({ state: 'approved', approved: approved.value }) : refuse('device_code_expired');
}

/** Records the person's decision: a value for the device, or undefined to deny. Only the first one counts. */
export async function answerDevice(
  deployment: Deployment,
  id: string,
  userCode: string,
  approved: object | undefined,
): Promise<Result<null, Refusal<DeviceRefusal>>> {
  const sealed = approved === undefined ? null : await seal(deployment.keyring, id, approved);
  const answered = await deployment.env.PENDING_FLOW.getByName(id).answerDevice(sealed);
  const hash = await userCodeHash(deployment.keyring, userCode);
  if (answered.ok) await deployment.env.PENDING_FLOW.getByName(DIRECTORY).leavePool(hash);
  return answered;
}

/** Reads a device that still waits for a decision, by its id. */
export async function readDevice<T>(
  deployment: Deployment,
  id: string,
): Promise<Result<{ id: string; data: T }, Refusal<DeviceRefusal>>> {
  const expiresAt = await flowIdExpiry(deployment.keyring, id);
  if (expiresAt === undefined) return refuse('device_code_unknown');
  if (expiresAt <= seconds()) return refuse('device_code_expired');
  const found = await deployment.env.PENDING_FLOW.getByName(id).readDevice();
  if (!found.ok) return found;
  const data = await unseal<T>(deployment.keyring, id, found.value);
  return data.ok ? ok({ id, data: data.value }) : refuse('device_code_expired');
}

/** Ends the flow of a device whose code was dropped in favor of a newer one. */
async function discardDevice(deployment: Deployment, { id: hash, data }: Dropped): Promise<void> {
  const id = await unseal<string>(deployment.keyring, hash, data ?? '');
  if (id.ok) await deployment.env.PENDING_FLOW.getByName(id.value).discard();
}
