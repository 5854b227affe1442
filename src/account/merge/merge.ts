import { seconds } from '../../clock';
import { type Identity, VISITOR } from '../principal/identity';
import type { Profile } from '../principal/profile';
import type { SignIns } from '../sign-ins/sign-ins';
import type { MigratableData } from './migratable-data';

/** What {@link Merge} needs of its account. */
export interface MergeHost {
  storage: DurableObjectStorage;
  profile: Profile;
  signIns: SignIns;
  migratable: readonly MigratableData[];
  /** Calls {@link Merge.adopt} of the account of a user. */
  handOver(userId: string, from: string, packed: PackedData): Promise<void>;
  afterCommit(): Promise<void>;
}

/** Everything that moves, by the name of its {@link MigratableData}. */
export type PackedData = Record<string, unknown>;

/** What a visitor has in an account, for the page that offers to take it along. */
export interface VisitorState {
  /** Undefined: nobody used this account, or the visitor was merged. */
  identity: Identity | undefined;
  /** Names by kind: apps that were allowed, servers that were connected. */
  left: Record<string, string[]>;
  /** Whether the visitor was merged into a user. */
  moved: boolean;
}

type MovedRow = { user_id: string; handed_over: number; ends_at: number };

/**
 * Merges a visitor who signs in into their user. The visitor's data moves into the user's own account, and this account
 * stays as a pointer to it, because every token that was issued begins with the visitor's user id.
 *
 * First the intent is stored. From then on nothing is answered here until the handover is done, and a token request
 * that began earlier stores nothing ({@link GrantStore.commit}) and is asked again there. So if anything stops in
 * between, the next call or the alarm continues, and no token is judged in two accounts.
 */
export class Merge {
  readonly #host: MergeHost;
  #moved: MovedRow | undefined;
  #handover: Promise<void> | undefined;

  constructor(host: MergeHost) {
    this.#host = host;
    this.#moved = host.storage.sql.exec('SELECT * FROM moved_to').toArray()[0] as MovedRow | undefined;
  }

  /** What the visitor has here. */
  state(): VisitorState {
    const { migratable, profile } = this.#host;
    const left = migratable.map((one) => [one.name, one.names(seconds())] as const);
    return { identity: profile.identity(), left: Object.fromEntries(left), moved: !!this.#moved };
  }

  /**
   * Hands everything of this visitor over to a user. False when this account isn't a visitor's, or they were merged
   * before.
   */
  async moveTo(userId: string): Promise<boolean> {
    const { storage, profile, signIns } = this.#host;
    if (this.#moved || profile.identity()?.provider !== VISITOR || profile.userId() === userId) return false;
    const query = 'SELECT MAX(expires_at) AS at FROM grants';
    const ends_at = (storage.sql.exec(query).one() as { at: number | null }).at ?? seconds();
    storage.transactionSync(() => {
      storage.sql.exec(
        'INSERT INTO moved_to (id, user_id, moved_at, ends_at) VALUES (1, ?, ?, ?)',
        userId,
        seconds(),
        ends_at,
      );
      signIns.endAll();
    });
    this.#moved = { user_id: userId, handed_over: 0, ends_at };
    await this.#movedTo();
    return true;
  }

  /** Stores what the account `from` packed: once, however often it is called. */
  async adopt(from: string, packed: PackedData): Promise<void> {
    const { storage, migratable, afterCommit } = this.#host;
    const writes: (() => void)[] = [];
    for (const one of migratable) writes.push(await one.prepare(packed[one.name], from));
    storage.transactionSync(() => {
      const insert = 'INSERT OR IGNORE INTO moved_from (user_id, moved_at) VALUES (?, ?)';
      if (storage.sql.exec(insert, from, seconds()).rowsWritten === 0) return;
      for (const write of writes) write();
    });
    await afterCommit();
  }

  /**
   * Answers a call here, or by the account of the user that this account's visitor was merged into. A call that was
   * refused here while the visitor was being merged is asked again there.
   */
  async onCurrentAccount<T>(
    here: () => T | Promise<T>,
    there: (userId: string) => T | Promise<T>,
  ): Promise<T> {
    const before = await this.#movedTo();
    if (before !== undefined) return there(before);
    const answer = await here();
    const after = isRefused(answer) ? await this.#movedTo() : undefined;
    return after === undefined ? answer : there(after);
  }

  /** When the alarm has to continue or end a merge; undefined: never. */
  nextEnd(now: number): number | undefined {
    return this.#moved && (this.#moved.handed_over ? this.#moved.ends_at : now + 5);
  }

  /** Continues an interrupted handover. Deletes the pointer once no token that begins with the visitor's id is valid. */
  async runMaintenance(now: number): Promise<void> {
    if (!this.#moved) return;
    await this.#movedTo();
    if (this.#moved.ends_at > now) return;
    this.#host.storage.sql.exec('DELETE FROM moved_to');
    this.#moved = undefined;
  }

  /** The user that this account's visitor was merged into, after the handover; undefined: not merged. */
  async #movedTo(): Promise<string | undefined> {
    const moved = this.#moved;
    if (moved && !moved.handed_over) {
      this.#handover ??= this.#handOver(moved).finally(() => {
        this.#handover = undefined;
      });
      await this.#handover;
    }
    return moved?.user_id;
  }

  async #handOver(moved: MovedRow): Promise<void> {
    const { storage, profile, migratable, handOver, afterCommit } = this.#host;
    const packed: PackedData = {};
    for (const one of migratable) packed[one.name] = await one.pack();
    await handOver(moved.user_id, profile.userId(), packed);
    storage.transactionSync(() => {
      for (const one of migratable) one.drop();
      storage.sql.exec('DELETE FROM profile');
      storage.sql.exec('UPDATE moved_to SET handed_over = 1');
    });
    this.#moved = { ...moved, handed_over: 1 };
    await afterCommit();
  }
}

/** Whether an answer is a `Result` that refuses. */
function isRefused(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'error' in answer;
}
