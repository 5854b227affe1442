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

/** A device that has begun (RFC 8628 section 3.2); seconds. */
export interface OpenedDevice {
  id: string;
  device_code: string;
  user_code: string;
  expires_in: number;
  interval: number;
}

/** What a device's question gets: `approved` is what {@link answerDevice} was given. */
export type DeviceAnswer<V> =
  | { state: 'authorization_pending' | 'slow_down' | 'access_denied' }
  | { state: 'approved'; approved: V };

/** The object that knows every user code. */
const DIRECTORY = 'user-codes';
const ATTEMPTS = 5;

/**
 * Opens a device flow of `TOKENS.flow` seconds. `describe` makes what it is about from its user code. Where too many
 * wait, the oldest one of the same source ends, or of the source that has the most.
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
 * A device that waits for an answer, by the code that a person typed (a wrong one is held against the person)
 * or by the id of its link, which says by itself when it is over.
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

/** A device's question (RFC 8628 section 3.4), if `isOwn` says that what it is about is the client's. */
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

/** The person's answer: something for the device to have, or undefined, which denies. The first one counts. */
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

/** A device that still waits for an answer, by its id. */
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

/** A device whose code made room for another's: its flow ends too. */
async function discardDevice(deployment: Deployment, { id: hash, data }: Dropped): Promise<void> {
  const id = await unseal<string>(deployment.keyring, hash, data ?? '');
  if (id.ok) await deployment.env.PENDING_FLOW.getByName(id.value).discard();
}
