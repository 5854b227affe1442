import { timingSafeEqual } from '../crypto';
import { ok, type Refusal, type Result, refuse } from '../result';

/** Seconds between two questions of a device (RFC 8628 section 3.2), and what is added when it hurries. */
export const POLL_INTERVAL = 5;
const SLOW_DOWN = 5;
/** Milliseconds by which a question may come early: the network doesn't take the same time twice. */
const JITTER_MS = 1000;

/** What a device hears: keep asking, ask less often, or the person's answer, sealed by whoever gave it. */
export type PollVerdict =
  | { state: 'authorization_pending' | 'slow_down' | 'access_denied' }
  | { state: 'approved'; sealed: string };

export type DeviceRefusal = 'device_code_expired' | 'device_code_unknown' | 'device_answered';

/**
 * Whether a device that asks is in a hurry (RFC 8628 section 3.5). `polledAt`: the last time, in ms, undefined
 * for the first; `interval` in seconds.
 */
export function isHurrying(facts: {
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

/** A device that waits for a person's answer: what it asked for, sealed, and how often it asks. */
export class DeviceState {
  constructor(private readonly sql: SqlStorage) {}

  open(secretHash: string, data: string, expiresAt: number): void {
    const insert = 'INSERT INTO device (id, secret_hash, data, interval, expires_at) VALUES (1, ?, ?, ?, ?)';
    this.sql.exec(insert, secretHash, data, POLL_INTERVAL, expiresAt);
  }

  /** Its sealed data, for a person who has its code, until it is answered. */
  read(now: number): Result<string, Refusal<DeviceRefusal>> {
    const device = this.find(now);
    if (!device) return refuse('device_code_expired');
    return device.denied || device.sealed !== null ? refuse('device_answered') : ok(device.data);
  }

  /** The device asks, with its code. Its sealed data comes along, so that the caller knows whose it is. */
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
    const hurries = isHurrying({ polledAt: device.polled_at ?? undefined, nowMs, interval });
    const next = hurries ? interval + SLOW_DOWN : interval;
    this.sql.exec('UPDATE device SET polled_at = ?, interval = ?', nowMs, next);
    return ok({ data, verdict: { state: hurries ? 'slow_down' : 'authorization_pending' } });
  }

  /** The person's answer: `sealed` for the device, or null, which denies. The first one counts. */
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
