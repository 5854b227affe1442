import { DurableObject } from 'cloudflare:workers';
import { seconds } from '../clock';
import { hasSchema, migrate } from '../migrations';
import { ok, type Refusal, type Result, refuse } from '../result';
import { type Bounds, type Dropped, type Entry, POOL_SCHEMA, Pool } from './pool';
import { type Guesser, type UserCodeRefusal, UserCodes } from './user-codes';

/** Holds the version of {@link POOL_SCHEMA}, whose tables exist only in objects that count for everybody. */
const VERSION_TABLE = 'pool_schema';

export type PoolRefusal = 'pool_share_used';

/**
 * An object that counts for all users. Its name says what: the entries of a pool (`pools.ts`), the user codes
 * (`device.ts`), or the wrong codes for one link (`attempts.ts`). Each method is atomic.
 */
export abstract class DirectoryObject extends DurableObject<Env> {
  #tables: { pool: Pool; codes: UserCodes } | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    if (hasSchema(ctx.storage, VERSION_TABLE)) this.#open();
  }

  /** Adds an entry to this pool, and returns the entries that were dropped for it. */
  async enterPool(entry: Entry, bounds: Bounds): Promise<Result<Dropped[], Refusal<PoolRefusal>>> {
    const dropped = this.#open().pool.enter(entry, bounds, seconds());
    await this.#schedule();
    return dropped ? ok(dropped) : refuse('pool_share_used');
  }

  /** Protects an entry from being dropped until `expiresAt` (seconds since the epoch). */
  keepInPool(id: string, expiresAt: number): void {
    this.#tables?.pool.keep(id, expiresAt);
  }

  leavePool(id: string): void {
    this.#tables?.pool.leave(id);
  }

  /** Stores which flow a user code belongs to. */
  async keepCode(entry: Entry): Promise<Result<Dropped[], Refusal<UserCodeRefusal>>> {
    const kept = this.#open().codes.keep(entry, seconds());
    await this.#schedule();
    return kept;
  }

  /** Which flow a code belongs to, if the person who typed it may still try codes. */
  async findCode(hash: string, guesser: Guesser): Promise<Result<string, Refusal<UserCodeRefusal>>> {
    const found = this.#open().codes.find(hash, guesser, seconds());
    await this.#schedule();
    return found;
  }

  /**
   * Uses up one of `most` attempts: how many are left after it; undefined when none was left. Counts until `expiresAt`.
   */
  async takeAttempt(most: number, expiresAt: number): Promise<number | undefined> {
    // Older versions stored `true` for the first and only attempt.
    const taken = Number(this.ctx.storage.kv.get<number | true>('claimed') ?? 0) + 1;
    if (taken > most) return undefined;
    this.ctx.storage.kv.put('claimed', taken);
    if (taken === 1) await this.ctx.storage.setAlarm(expiresAt * 1000);
    return most - taken;
  }

  /** True for the first caller only, until `expiresAt` (seconds since the epoch). */
  async claim(expiresAt: number): Promise<boolean> {
    return (await this.takeAttempt(1, expiresAt)) !== undefined;
  }

  /** Removes expired entries. False when this object has no such tables, as a flow has none. */
  protected async purgeTables(): Promise<boolean> {
    if (!this.#tables) return false;
    this.#tables.pool.purge(seconds());
    this.#tables.codes.purge(seconds());
    await this.#schedule();
    return true;
  }

  #open() {
    if (!this.#tables) {
      const { storage } = this.ctx;
      migrate(storage, POOL_SCHEMA, VERSION_TABLE);
      const pool = new Pool(storage.sql);
      this.#tables = { pool, codes: new UserCodes(storage.sql, pool) };
    }
    return this.#tables;
  }

  async #schedule(): Promise<void> {
    const ends = [this.#tables?.pool.nextEnd(), this.#tables?.codes.nextEnd()].filter(
      (at) => at !== undefined,
    );
    if (ends.length === 0 || (await this.ctx.storage.getAlarm()) !== null) return;
    await this.ctx.storage.setAlarm((Math.min(...ends) + 1) * 1000);
  }
}
