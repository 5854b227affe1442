import { seconds } from '../clock';
import { timingSafeEqual } from '../crypto';
import { hasSchema, migrate } from '../migrations';
import { ok, type Refusal, type Result, refuse } from '../result';
import { type DeviceRefusal, DeviceState, type PollVerdict } from './device-state';
import { DirectoryObject } from './directory';

export const FLOW_SCHEMA: readonly (readonly string[])[] = [
  [
    `CREATE TABLE flow (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      secret_hash TEXT NOT NULL,
      data TEXT NOT NULL,
      touched INTEGER NOT NULL DEFAULT 0,
      submitted INTEGER NOT NULL DEFAULT 0,
      untouched_until INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    )`,
    `CREATE TABLE staged (
      name TEXT PRIMARY KEY,
      sealed TEXT NOT NULL
    ) WITHOUT ROWID`,
  ],
  [
    `CREATE TABLE device (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      secret_hash TEXT NOT NULL,
      data TEXT NOT NULL,
      interval INTEGER NOT NULL,
      polled_at INTEGER,
      denied INTEGER NOT NULL DEFAULT 0,
      sealed TEXT,
      expires_at INTEGER NOT NULL
    )`,
    `CREATE TABLE user_codes (
      hash TEXT PRIMARY KEY,
      sealed TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`,
    `CREATE TABLE guesses (
      seq INTEGER PRIMARY KEY,
      user_id TEXT NOT NULL,
      at INTEGER NOT NULL
    )`,
    'CREATE INDEX guesses_by_user ON guesses (user_id, at)',
    'CREATE INDEX guesses_by_time ON guesses (at)',
  ],
  // User codes moved to an object of their own (`pool.ts`).
  ['DROP TABLE user_codes', 'DROP TABLE guesses'],
];

/** Most values staged at a time: connections in progress, and credentials that were obtained. */
const MOST_STAGED = 200;

/**
 * Why a flow can't continue: `flow_unknown` (never existed), `flow_expired`, `flow_other_browser`, `flow_submitted`
 * (was already answered).
 */
export type FlowRefusal = 'flow_unknown' | 'flow_expired' | 'flow_other_browser' | 'flow_submitted';
type Verdict<T> = Result<T, Refusal<FlowRefusal>>;

interface FlowRow {
  secret_hash: string;
  data: string;
  touched: number;
  submitted: number;
  untouched_until: number;
  expires_at: number;
}

/**
 * One flow: an authorization request or a sign-in that is in progress in one browser, sealed. It belongs to the browser
 * that holds its secret, expires after some minutes (sooner when the person does nothing), and is submitted once. A
 * device that waits for a person is a flow, too. Objects with other names count for everybody (`directory.ts`).
 */
export class PendingFlowObject extends DirectoryObject {
  /**
   * False before the flow begins and after its end: there are no tables then, and every call answers that it has
   * expired.
   */
  #isThere: boolean;
  readonly #device: DeviceState;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#isThere = hasSchema(ctx.storage);
    if (this.#isThere) migrate(ctx.storage, FLOW_SCHEMA);
    this.#device = new DeviceState(ctx.storage.sql);
  }

  /** Starts the flow. Times are seconds since the epoch; `data` is sealed by the caller. */
  async open(flow: {
    secretHash: string;
    data: string;
    untouchedUntil: number;
    expiresAt: number;
  }): Promise<void> {
    this.#begin();
    this.ctx.storage.sql.exec(
      'INSERT INTO flow (id, secret_hash, data, untouched_until, expires_at) VALUES (1, ?, ?, ?, ?)',
      flow.secretHash,
      flow.data,
      flow.untouchedUntil,
      flow.expiresAt,
    );
    await this.ctx.storage.setAlarm(flow.expiresAt * 1000);
  }

  /**
   * Its sealed data, for the browser that it belongs to. `touch`: the person did something, so it lasts its full time.
   */
  look(secretHash: string, touch: boolean): Verdict<string> {
    const found = this.#find(secretHash);
    if (found.ok && touch) this.ctx.storage.sql.exec('UPDATE flow SET touched = 1');
    return found.ok ? ok(found.value.data) : found;
  }

  /** Ends the flow with the person's answer. The first call wins; any later one is refused as `flow_submitted`. */
  submit(secretHash: string): Verdict<null> {
    const found = this.#find(secretHash);
    if (!found.ok) return found;
    this.ctx.storage.sql.exec('UPDATE flow SET submitted = 1');
    this.ctx.storage.sql.exec('DELETE FROM staged');
    return ok(null);
  }

  /** As {@link submit}, and returns the staged values whose names begin with `prefix`, atomically. */
  submitTaking(secretHash: string, prefix: string): Verdict<{ name: string; sealed: string }[]> {
    const found = this.#find(secretHash);
    if (!found.ok) return found;
    const taken = this.#staged(prefix);
    this.submit(secretHash);
    return ok(taken);
  }

  /** Drops all staged values. */
  dropStaged(secretHash: string): Verdict<null> {
    const found = this.#find(secretHash);
    if (!found.ok) return found;
    this.ctx.storage.sql.exec('DELETE FROM staged');
    return ok(null);
  }

  /** The names of staged values that begin with `prefix`. */
  listStaged(secretHash: string, prefix: string): Verdict<string[]> {
    const found = this.#find(secretHash);
    return found.ok ? ok(this.#staged(prefix).map(({ name }) => name)) : found;
  }

  /** Stores a sealed value until {@link take}; it replaces an earlier one of that name. */
  stage(secretHash: string, name: string, sealed: string): Verdict<null> {
    const found = this.#find(secretHash);
    if (!found.ok) return found;
    const others = this.ctx.storage.sql.exec('SELECT COUNT(*) AS n FROM staged WHERE name <> ?', name).one();
    if (Number(others.n) >= MOST_STAGED) return refuse('flow_expired', 'too many values are staged in it');
    this.ctx.storage.sql.exec('INSERT OR REPLACE INTO staged (name, sealed) VALUES (?, ?)', name, sealed);
    this.ctx.storage.sql.exec('UPDATE flow SET touched = 1');
    return ok(null);
  }

  /** Returns the value that was staged under a name, and removes it; null when there is none. */
  take(secretHash: string, name: string): Verdict<string | null> {
    const found = this.#find(secretHash);
    if (!found.ok) return found;
    const row = this.ctx.storage.sql.exec('SELECT sealed FROM staged WHERE name = ?', name).toArray()[0];
    this.ctx.storage.sql.exec('DELETE FROM staged WHERE name = ?', name);
    return ok(row ? String(row.sealed) : null);
  }

  /** Returns the value that is staged under a name, and keeps it; null when there is none. */
  peek(secretHash: string, name: string): Verdict<string | null> {
    const found = this.#find(secretHash);
    if (!found.ok) return found;
    const row = this.ctx.storage.sql.exec('SELECT sealed FROM staged WHERE name = ?', name).toArray()[0];
    return ok(row ? String(row.sealed) : null);
  }

  /** Starts a device's flow; `data` is sealed by the caller. */
  async openDevice(secretHash: string, data: string, expiresAt: number): Promise<void> {
    this.#begin();
    this.#device.open(secretHash, data, expiresAt);
    await this.ctx.storage.setAlarm(expiresAt * 1000);
  }

  readDevice(): Result<string, Refusal<DeviceRefusal>> {
    return this.#isThere ? this.#device.read(seconds()) : refuse('device_code_expired');
  }

  pollDevice(secretHash: string): Result<{ data: string; verdict: PollVerdict }, Refusal<DeviceRefusal>> {
    return this.#isThere ? this.#device.poll(secretHash, Date.now()) : refuse('device_code_expired');
  }

  answerDevice(sealed: string | null): Result<null, Refusal<DeviceRefusal>> {
    return this.#isThere ? this.#device.answer(sealed, seconds()) : refuse('device_code_expired');
  }

  /** Ends the flow early, because its source has too many. */
  async discard(): Promise<void> {
    this.#isThere = false;
    await this.ctx.storage.deleteAll();
  }

  /** The end of the flow: everything is deleted. Its id itself shows from then on that it has expired. */
  override async alarm(): Promise<void> {
    if (!(await this.purgeTables())) await this.discard();
  }

  #begin(): void {
    migrate(this.ctx.storage, FLOW_SCHEMA);
    this.#isThere = true;
  }

  #staged(prefix: string): { name: string; sealed: string }[] {
    return this.ctx.storage.sql
      .exec<{ name: string; sealed: string }>('SELECT name, sealed FROM staged ORDER BY name')
      .toArray()
      .filter(({ name }) => name.startsWith(prefix));
  }

  #find(secretHash: string): Verdict<FlowRow> {
    if (!this.#isThere) return refuse('flow_expired');
    const now = seconds();
    const flow = this.ctx.storage.sql.exec('SELECT * FROM flow').toArray()[0] as FlowRow | undefined;
    if (!flow || flow.expires_at <= now) return refuse('flow_expired');
    if (!timingSafeEqual(flow.secret_hash, secretHash)) return refuse('flow_other_browser');
    if (flow.submitted) return refuse('flow_submitted');
    if (!flow.touched && flow.untouched_until <= now) return refuse('flow_expired');
    return ok(flow);
  }
}
