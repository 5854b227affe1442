import { seconds } from '../../clock';
import type { Result } from '../../result';
import type { Serial } from '../../serial';
import type { Access } from '../access/access';
import type { IssuerConfig, TokenRequest } from '../grants/grants';
import type { TokenAnswer } from '../grants/issuer';
import { type Identity, VISITOR } from '../principal/identity';
import type { Profile } from '../principal/profile';
import type { SignIns } from '../sign-ins/sign-ins';
import type { MigratableData } from './migratable-data';

/** What of another account an account calls once its principal moved there. */
export interface RemoteAccount {
  authenticate(grantId: string, hash: string): Promise<Result<Access>>;
  introspect(grantId: string, hash: string): Promise<Result<Access>>;
  standing(grantId: string): Promise<Identity | undefined>;
  fetch(request: Request): Promise<Response>;
  redeemCode(terms: IssuerConfig, presented: TokenRequest): Promise<TokenAnswer>;
  rotateRefresh(terms: IssuerConfig, presented: TokenRequest): Promise<TokenAnswer>;
  exchangeToken(terms: IssuerConfig, presented: TokenRequest, target?: string): Promise<TokenAnswer>;
  revokeToken(grantId: string, hash: string, clientId: string): Promise<boolean>;
  adopt(from: string, packed: Record<string, unknown>): Promise<void>;
}

/** What of an account the moving touches. `serial`: of presentations, by grant. */
export interface MergeParts {
  storage: DurableObjectStorage;
  profile: Profile;
  signIns: SignIns;
  serial: Serial;
  migratable: readonly MigratableData[];
  accountOf: (userId: string) => RemoteAccount;
  schedule: () => Promise<void>;
}

/** What a visitor left in this account, as the page that offers to take it along tells. */
export interface VisitorState {
  /** Undefined: nobody was ever here, or the visitor moved on. */
  identity: Identity | undefined;
  /** Names, by belonging: apps that were allowed, servers that were connected. */
  left: Record<string, string[]>;
  moved: boolean;
}

type MovedRow = { user_id: string; handed_over: number; ends_at: number };

/**
 * A visitor who signs in takes along what is theirs: it moves into the user's own account, and this one stays
 * behind as a sign that points there, because the visitor's user id begins every token that was issued.
 *
 * First the intent is stored; from then on nothing is answered here before the handover is done. So whatever
 * stops in between, the next call (or the alarm) goes on with it, and no token is judged in two places.
 */
export class AccountMerge {
  readonly #at: MergeParts;
  #moved: MovedRow | undefined;
  #handover: Promise<void> | undefined;

  constructor(mover: MergeParts) {
    this.#at = mover;
    this.#moved = mover.storage.sql.exec('SELECT * FROM moved_to').toArray()[0] as MovedRow | undefined;
  }

  state(): VisitorState {
    const left = this.#at.migratable.map((one) => [one.name, one.names(seconds())] as const);
    return { identity: this.#at.profile.identity(), left: Object.fromEntries(left), moved: !!this.#moved };
  }

  /**
   * Moves all that this visitor has to a user. False when this account isn't a visitor's that is still here.
   */
  async moveTo(userId: string): Promise<boolean> {
    const { storage, profile, signIns } = this.#at;
    const own = profile.userId();
    if (this.#moved || profile.identity()?.provider !== VISITOR || own === userId) return false;
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
    await this.elsewhere();
    return true;
  }

  /** Takes in what another account packed: once, however often it is asked to. */
  async adopt(from: string, packed: Record<string, unknown>): Promise<void> {
    const { storage, migratable: belongings, schedule } = this.#at;
    const writes: (() => void)[] = [];
    for (const one of belongings) writes.push(await one.prepare(packed[one.name], from));
    storage.transactionSync(() => {
      const insert = 'INSERT OR IGNORE INTO moved_from (user_id, moved_at) VALUES (?, ?)';
      if (storage.sql.exec(insert, from, seconds()).rowsWritten === 0) return;
      for (const write of writes) write();
    });
    await schedule();
  }

  /** The account to which this one's principal moved; undefined: it is here. */
  async elsewhere(): Promise<RemoteAccount | undefined> {
    if (!this.#moved) return undefined;
    if (!this.#moved.handed_over) {
      this.#handover ??= this.#handOver(this.#moved).finally(() => {
        this.#handover = undefined;
      });
      await this.#handover;
    }
    return this.#at.accountOf(this.#moved.user_id);
  }

  /** When the alarm has to look after a move; undefined: never. */
  nextEnd(now: number): number | undefined {
    return this.#moved && (this.#moved.handed_over ? this.#moved.ends_at : now + 5);
  }

  /** Ends a handover that was interrupted, and forgets the move once no token can point here any more. */
  async runMaintenance(now: number): Promise<void> {
    if (!this.#moved) return;
    await this.elsewhere();
    if (this.#moved.ends_at > now) return;
    this.#at.storage.sql.exec('DELETE FROM moved_to');
    this.#moved = undefined;
  }

  async #handOver(moved: MovedRow): Promise<void> {
    const { storage, profile, serial, migratable: belongings, accountOf, schedule } = this.#at;
    const grants = storage.sql.exec<{ id: string }>('SELECT id FROM grants').toArray();
    // A code or refresh token that is being presented just now is answered first, with the rows it needs.
    await serial.all(
      grants.map(({ id }) => id),
      async () => {
        const packed: Record<string, unknown> = {};
        for (const one of belongings) packed[one.name] = await one.pack();
        await accountOf(moved.user_id).adopt(profile.userId(), packed);
        storage.transactionSync(() => {
          for (const one of belongings) one.drop();
          storage.sql.exec('DELETE FROM profile');
          storage.sql.exec('UPDATE moved_to SET handed_over = 1');
        });
        this.#moved = { ...moved, handed_over: 1 };
      },
    );
    await schedule();
  }
}
