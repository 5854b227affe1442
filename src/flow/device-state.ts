import { timingSafeEqual } from '../crypto';
import { ok, type Refusal, type Result, refuse } from '../result';

/**
 * Seconds between two polls of a device (RFC 8628 section 3.2), and what is added when it polls too soon (section 3.5).
 */
export const POLL_INTERVAL = 5;
const SLOW_DOWN = 5;
/** Milliseconds by which a poll may come early, since network delays vary. */
const JITTER_MS = 1000;

/**
 * The answer to a poll: keep polling, poll less often, or the person's decision, sealed by the caller that recorded it.
 */
export type PollVerdict =
  | { state: 'authorization_pending' | 'slow_down' | 'access_denied' }
  | { state: 'approved'; sealed: string };

export type DeviceRefusal = 'device_code_expired' | 'device_code_unknown' | 'device_answered';

/**
 * Whether a device polls sooner than its interval allows (RFC 8628 section 3.5). `polledAt`: the last poll, in ms;
 * undefined for the first. `interval`: in seconds.
 */
export function pollsTooSoon(facts: {
  polledAt: number | undefined;
  nowMs: number;
  interval: number;
}): boolean {
  const { polledAt, nowMs, interval } = facts;
  return polledAt !== undefined && nowMs - polledAt < interval * 1000 - JITTER_MS;
}

interface DeviceRow {
  secret_hash: string;
  data: string;
  interval: number;
  polled_at: number | null;
  denied: number;
  sealed: string | null;
  expires_at: number;
}

/** A device that waits for a person's decision: its sealed request, and how often it may poll. */
export class DeviceState {
  constructor(private readonly sql: SqlStorage) {}

  open(secretHash: string, data: string, expiresAt: number): void {
    const insert = 'INSERT INTO device (id, secret_hash, data, interval, expires_at) VALUES (1, ?, ?, ?, ?)';
    this.sql.exec(insert, secretHash, data, POLL_INTERVAL, expiresAt);
  }

  /** Its sealed data, for a person who has its code, until somebody has decided. */
  read(now: number): Result<string, Refusal<DeviceRefusal>> {
    const device = this.find(now);
    if (!device) return refuse('device_code_expired');
    return device.denied || device.sealed !== null ? refuse('device_answered') : ok(device.data);
  }

  /**
   * A poll of the device, with its code. Returns the sealed data, too, so that the caller can check which client it is.
   */
  poll(
    secretHash: string,
    nowMs: number,
  ): Result<{ data: string; verdict: PollVerdict }, Refusal<DeviceRefusal>> {
    const device = this.find(Math.floor(nowMs / 1000));
    if (!device) return refuse('device_code_expired');
    if (!timingSafeEqual(device.secret_hash, secretHash)) return refuse('device_code_unknown');
    const { data, sealed, interval } = device;
    if (device.denied) return ok({ data, verdict: { state: 'access_denied' } });
    if (sealed !== null) return ok({ data, verdict: { state: 'approved', sealed } });
    const tooSoon = pollsTooSoon({ polledAt: device.polled_at ?? undefined, nowMs, interval });
    const next = tooSoon ? interval + SLOW_DOWN : interval;
    this.sql.exec('UPDATE device SET polled_at = ?, interval = ?', nowMs, next);
    return ok({ data, verdict: { state: tooSoon ? 'slow_down' : 'authorization_pending' } });
  }

  /** Records the person's decision: `sealed` for the device, or null to deny. Only the first one counts. */
  answer(sealed: string | null, now: number): Result<null, Refusal<DeviceRefusal>> {
    const device = this.read(now);
    if (!device.ok) return device;
    this.sql.exec('UPDATE device SET denied = ?, sealed = ?', sealed === null ? 1 : 0, sealed);
    return ok(null);
  }

  private find(now: number): DeviceRow | undefined {
    const rows = this.sql.exec('SELECT * FROM device WHERE expires_at > ?', now).toArray();
    return rows[0] as DeviceRow | undefined;
  }
}
