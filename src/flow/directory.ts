import { DurableObject } from 'cloudflare:workers';
import { seconds } from '../clock';
import { hasSchema, migrate } from '../migrations';
import { ok, type Refusal, type Result, refuse } from '../result';
import { type Bounds, type Dropped, type Entry, POOL_SCHEMA, Pool } from './pool';
import { type Guesser, type UserCodeRefusal, UserCodes } from './user-codes';

/** Keeps the version of {@link POOL_SCHEMA}: its tables are in objects that count for everybody, and in no flow. */
const VERSION_TABLE = 'pool_schema';

export type PoolRefusal = 'pool_share_used';

/**
 * An object that counts for everybody, by its name: what waits in a pool (`pools.ts`), the user codes (`device.ts`), or
 * the wrong codes on one link (`attempts.ts`). Each method is one step, which nothing else comes between.
 */
export abstract class DirectoryObject extends DurableObject<Env> {
  #tables: { pool: Pool; codes: UserCodes } | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    if (hasSchema(ctx.storage, VERSION_TABLE)) this.#open();
  }

  /** Enters something into this pool, and hands out what had to go for it. */
  async enterPool(entry: Entry, bounds: Bounds): Promise<Result<Dropped[], Refusal<PoolRefusal>>> {
    const dropped = this.#open().pool.enter(entry, bounds, seconds());
    await this.#schedule();
    return dropped ? ok(dropped) : refuse('pool_share_used');
  }

  /** Something lasting came of it, until `expiresAt` (seconds since the epoch). */
  keepInPool(id: string, expiresAt: number): void {
    this.#tables?.pool.keep(id, expiresAt);
  }

  leavePool(id: string): void {
    this.#tables?.pool.leave(id);
  }

  /** Keeps which flow a user code means. */
  async keepCode(entry: Entry): Promise<Result<Dropped[], Refusal<UserCodeRefusal>>> {
    const kept = this.#open().codes.keep(entry, seconds());
    await this.#schedule();
    return kept;
  }

  /** Which flow a code means, if whoever typed it may try one. */
  async findCode(hash: string, guesser: Guesser): Promise<Result<string, Refusal<UserCodeRefusal>>> {
    const found = this.#open().codes.find(hash, guesser, seconds());
    await this.#schedule();
    return found;
  }

  /** Takes one of `most` attempts: how many are left then, undefined when none was. They count until `expiresAt`. */
  async takeAttempt(most: number, expiresAt: number): Promise<number | undefined> {
    // What was claimed before attempts were counted is kept as `true`.
    const taken = Number(this.ctx.storage.kv.get<number | true>('claimed') ?? 0) + 1;
    if (taken > most) return undefined;
    this.ctx.storage.kv.put('claimed', taken);
    if (taken === 1) await this.ctx.storage.setAlarm(expiresAt * 1000);
    return most - taken;
  }

  /** True for the first caller and nobody after, until `expiresAt` (seconds since the epoch). */
  async claim(expiresAt: number): Promise<boolean> {
    return (await this.takeAttempt(1, expiresAt)) !== undefined;
  }

  /** Removes what has ended. True when this object is one that counts. */
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
