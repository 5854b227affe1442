import { DurableObject } from 'cloudflare:workers';
import { hasSchema, migrate } from '../migrations';
import { accountOf } from './access/find-account';
import { AccountAdmin } from './parts/account-admin';
import { AccountConnections } from './parts/account-connections';
import { AccountGrants } from './parts/account-grants';
import { AccountKeys } from './parts/account-keys';
import { AccountLifecycle, isIdle, UNUSED_MS } from './parts/account-lifecycle';
import { AccountMerge } from './parts/account-merge';
import { AccountSignIns } from './parts/account-sign-ins';
import { AccountTokens } from './parts/account-tokens';
import { type AccountCollaborators, type AccountCore, createCore } from './parts/core';
import { ACCOUNT_SCHEMA } from './storage/schema';

/** The parts of an account. Each method of a part is a method of the object (docs/adr/0007-one-account-class.md). */
const PARTS = {
  signIns: AccountSignIns,
  grants: AccountGrants,
  tokens: AccountTokens,
  keys: AccountKeys,
  connections: AccountConnections,
  merge: AccountMerge,
  lifecycle: AccountLifecycle,
  admin: AccountAdmin,
} as const;

type PartName = keyof typeof PARTS;

/** The parts whose calls are answered by the user's account, once this account's visitor was merged into a user. */
const FORWARDED: readonly PartName[] = ['tokens', 'connections'];

type PublicMethods<Part> = { [Name in keyof Part]: Part[Name] };

/** Everything that other layers call. */
export type AccountMethods = PublicMethods<AccountSignIns> &
  PublicMethods<AccountGrants> &
  PublicMethods<AccountTokens> &
  PublicMethods<AccountKeys> &
  PublicMethods<AccountConnections> &
  PublicMethods<AccountMerge> &
  PublicMethods<AccountLifecycle> &
  PublicMethods<AccountAdmin>;

/** A part or the stub of an account, for calls of a method by its name. */
type Callee = Record<string, (...args: unknown[]) => unknown>;

/**
 * The `Account` of one principal: the one place that decides about its grants, tokens, keys, connections and browser
 * sign-ins. Methods are transitions; refusals are values, because thrown errors lose their fields on the way out.
 */
class ComposedAccount extends DurableObject<Env> {
  readonly #core: AccountCore;
  readonly #parts: Record<string, Callee>;

  static {
    for (const part of Object.keys(PARTS) as PartName[]) {
      for (const method of Object.getOwnPropertyNames(PARTS[part].prototype)) {
        if (method === 'constructor') continue;
        if (method in ComposedAccount.prototype) throw new Error(`two parts have a method ${method}`);
        const value = function (this: ComposedAccount, ...args: unknown[]) {
          return this.#call(part, method, args);
        };
        Object.defineProperty(ComposedAccount.prototype, method, {
          value,
          configurable: true,
          writable: true,
        });
      }
    }
  }

  constructor(ctx: DurableObjectState, env: Env, collaborators: AccountCollaborators) {
    super(ctx, env);
    if (!hasSchema(ctx.storage)) void ctx.storage.setAlarm(Date.now() + UNUSED_MS);
    migrate(ctx.storage, ACCOUNT_SCHEMA);
    const core = createCore(ctx, env, collaborators);
    this.#core = core;
    this.#parts = Object.fromEntries(
      Object.entries(PARTS).map(([name, Part]) => [name, new Part(core) as unknown as Callee]),
    );
  }

  /** Calls a method of a part. This is the one place that forwards calls to the account of a merged visitor's user. */
  #call(part: PartName, method: string, args: unknown[]): unknown {
    const here = () => this.#parts[part]?.[method]?.(...args);
    if (!FORWARDED.includes(part)) return here();
    const accountAt = (userId: string) => accountOf(this.env, userId) as unknown as Callee;
    return this.#core.merge.onCurrentAccount(here, (userId) => accountAt(userId)[method]?.(...args));
  }

  /** Encrypts by the current master key what older ones encrypted. `left`: how many can't be decrypted. */
  async rewrap(): Promise<{ rewrapped: number; left: number }> {
    const { connections, provider, maintenance } = this.#core;
    const [one, other] = [await connections.rewrap(), await provider.rewrap()];
    await maintenance.copySoon();
    return { rewrapped: one.rewrapped + other.rewrapped, left: one.left + other.left };
  }

  /** Opens a socket on which a watcher of a grant hears of its changes (`watch/watch.ts`). */
  override fetch(request: Request): Promise<Response> {
    const { merge, watchers } = this.#core;
    return merge.onCurrentAccount(
      () => watchers.open(request),
      (userId) => accountOf(this.env, userId).fetch(request),
    );
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }

  /** Removes what has ended, copies the outbox to KV, and deletes the account if it isn't in use any more. */
  override async alarm(): Promise<void> {
    if (!(await this.#core.maintenance.run()) || !isIdle(this.#core)) return;
    // By a call of its own: an alarm that deletes its object fails, and is tried again.
    this.ctx.waitUntil(this.env.ACCOUNT.get(this.ctx.id).vanish());
  }
}

/** The class of the `Account` objects. `src/index.ts` gives it the collaborators. */
export const AccountObject = ComposedAccount as new (
  ...args: ConstructorParameters<typeof ComposedAccount>
) => ComposedAccount & AccountMethods;
