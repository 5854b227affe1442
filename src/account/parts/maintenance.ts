import { seconds } from '../../clock';
import { writeLog } from '../../log';
import type { Outbox } from '../storage/outbox';
import type { Watchers } from '../watch/watch';

/** Something that the alarm has to maintain. Times are seconds since the epoch. */
export interface Maintained {
  /** Removes what has ended, or continues what was interrupted. */
  runMaintenance(now: number): void | Promise<void>;
  /** When {@link runMaintenance} has something to do next; undefined: never. */
  nextEnd(now: number): number | undefined;
}

/** Milliseconds after which a copy to KV that failed is tried again. */
const OUTBOX_RETRY_MS = 60_000;

/** What runs after each change of an account, and its alarm. */
export class Maintenance {
  readonly #account: { storage: DurableObjectStorage; outbox: Outbox; watchers: Watchers };
  readonly #maintained: Maintained[] = [];

  constructor(account: { storage: DurableObjectStorage; outbox: Outbox; watchers: Watchers }) {
    this.#account = account;
  }

  /** From now on the alarm maintains these too, in this order. */
  watch(...maintained: Maintained[]): void {
    this.#maintained.push(...maintained);
  }

  /** After a change was stored: watchers hear of it, and the next alarm is set. */
  async afterCommit(): Promise<void> {
    await this.#account.watchers.tell();
    await this.#schedule();
  }

  /** As {@link afterCommit} for what changes only the outbox, since a protected request should cost little. */
  async copySoon(): Promise<void> {
    if (this.#account.outbox.waiting) await this.#setAlarm(Date.now());
  }

  /**
   * The alarm: removes what has ended, and copies the outbox to KV. False when that failed; then it runs again a minute
   * later. It doesn't throw, because the runtime gives up on an alarm after a few times, and KV may fail for longer.
   */
  async run(): Promise<boolean> {
    const { storage, outbox } = this.#account;
    const now = seconds();
    try {
      for (const one of this.#maintained) await one.runMaintenance(now);
      await outbox.flush(now);
    } catch (error) {
      writeLog('error', { event: 'outbox', outcome: 'failed', detail: error });
      await storage.setAlarm(Date.now() + OUTBOX_RETRY_MS);
      return false;
    }
    await this.afterCommit();
    return true;
  }

  /** Sets the next alarm: at once while copies wait, or a second after the next end. */
  async #schedule(): Promise<void> {
    if (this.#account.outbox.waiting) return this.#setAlarm(Date.now());
    const ends = this.#maintained.map((one) => one.nextEnd(seconds())).filter((at) => at !== undefined);
    if (ends.length > 0) await this.#setAlarm((Math.min(...ends) + 1) * 1000);
  }

  /** Sets the alarm, unless an earlier one is set. `at`: milliseconds since the epoch. */
  async #setAlarm(at: number): Promise<void> {
    const set = await this.#account.storage.getAlarm();
    if (set === null || set > at) await this.#account.storage.setAlarm(at);
  }
}
