import { seconds } from '../clock';
import { writeLog } from '../log';
import { hasSchema, migrate } from '../migrations';
import { ok, type Result, refuse } from '../result';
import { Serial } from '../serial';
import { type Access, describeGrant, type Grant } from './access/access';
import { Accesses } from './access/access-checks';
import { AccountEnd, UNUSED_MS } from './account-end';
import { type DirectApproval, exchangeToken, issueDirectly } from './grants/direct';
import { type Approval, Grants, type IssuerConfig, type TokenRequest } from './grants/grants';
import type { Issuer, TokenAnswer } from './grants/issuer';
import { GrantStore } from './grants/store';
import { type AccountParts, KeyedObject } from './keyed-object';
import { AccessKeys, type KeyLimits } from './keys/access-keys';
import { AccountKeys } from './keys/account-keys';
import { AccountMerge, type RemoteAccount } from './merge/account-merge';
import { migratableGrants } from './merge/migratable-data';
import type { Identity } from './principal/identity';
import { Profile } from './principal/profile';
import { providerChecks } from './provider/host';
import type { ProviderAsker, ProviderToken } from './provider/provider';
import { type SignInRow, SignIns } from './sign-ins/sign-ins';
import { Outbox } from './storage/outbox';
import { ACCOUNT_SCHEMA } from './storage/schema';
import { Watchers } from './watch/watch';

/** Milliseconds after which a copy to KV that failed is tried again. */
const OUTBOX_RETRY_MS = 60_000;

/**
 * The `Account` of one principal: the one place that decides about its grants, tokens and browser sign-ins.
 * Methods are transitions; refusals are values, because thrown errors lose their fields on the way out.
 */
export function accountObject(issuer: Issuer, ask: ProviderAsker) {
  return class AccountObject extends KeyedObject {
    readonly #store: GrantStore;
    readonly #grants: Grants;
    readonly #signIns: SignIns;
    readonly #outbox: Outbox;
    readonly #profile: Profile;
    readonly #accessKeys: AccessKeys;
    readonly #accesses: Accesses;
    readonly #moves: AccountMerge;
    protected readonly parts: AccountParts;

    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, env);
      if (!hasSchema(ctx.storage)) void ctx.storage.setAlarm(Date.now() + UNUSED_MS);
      migrate(ctx.storage, ACCOUNT_SCHEMA);
      const { storage } = ctx;
      const profile = new Profile(storage.sql);
      const userId = () => profile.userId();
      const serial = new Serial();
      const grants = new GrantStore(storage, userId);
      const signIns = new SignIns(storage.sql);
      const outbox = new Outbox(storage.sql, env.OAUTH_KV);
      const keys = new AccessKeys(storage.sql);
      const schedule = () => this.#afterCommit();
      this.#profile = profile;
      this.#store = grants;
      this.#grants = new Grants(grants, issuer, userId, serial);
      this.#signIns = signIns;
      this.#outbox = outbox;
      this.#accessKeys = keys;
      this.#accesses = new Accesses(grants, keys, profile);
      const belongings = [migratableGrants(storage.sql, grants)];
      const accountOf = (id: string) => env.ACCOUNT.getByName(id) as unknown as RemoteAccount;
      this.#moves = new AccountMerge({
        storage,
        profile,
        signIns,
        serial,
        migratable: belongings,
        accountOf,
        schedule,
      });
      const accountKeys = new AccountKeys({ storage, profile, keys, signIns, grants, outbox, schedule });
      const stands = (id: string) => this.#accesses.stands(id, seconds());
      const watchers = new Watchers({ ctx, rights: () => this.rights(), stands });
      const checks = providerChecks({ ctx, env, ask, profile, grants, signIns, schedule });
      const end = new AccountEnd({ ctx, env, profile, grants, signIns, migratable: belongings });
      this.parts = { keys: accountKeys, moves: this.#moves, watchers, checks, migratable: belongings, end };
    }

    /**
     * Signs a browser in, and remembers what the provider says of the person now. `ttl` in seconds; `token`: by which
     * the provider is asked again.
     */
    async signIn(
      userId: string,
      identity: Identity,
      browser: { userAgent: string; ttl: number },
      token?: ProviderToken,
    ): Promise<{ id: string; secret: string }> {
      await this.parts.checks.signedIn(userId, identity, token);
      const created = await this.#signIns.create(browser.userAgent, seconds(), browser.ttl);
      await this.#afterCommit();
      return created;
    }

    /**
     * Who is signed in by that cookie, and by which access key, if it was one. Refused as `sign_in_ended` when it
     * was ended or has expired, or its key.
     */
    async checkSignIn(
      id: string,
      secret: string,
    ): Promise<Result<{ identity: Identity; key: KeyLimits | undefined }>> {
      const now = seconds();
      const found = await this.#signIns.find(id, secret, now);
      const identity = this.#profile.identity();
      if (!found || !identity) return refuse('sign_in_ended');
      if (found.key_id === null) return ok({ identity, key: undefined });
      const key = this.#accessKeys.standing(found.key_id, now);
      return key ? ok({ identity, key }) : refuse('sign_in_ended');
    }

    listSignIns(): SignInRow[] {
      return this.#signIns.list(seconds());
    }

    endSignIn(id: string): boolean {
      return this.#signIns.end(id);
    }

    /** Makes a grant of what the person allowed. Returns the redirect to the client, with its code. */
    async approve(terms: IssuerConfig, approval: Approval): Promise<string> {
      const identity = this.#profile.identity();
      if (!identity) throw new Error('approve was called for a principal that never signed in');
      const { name, email, email_verified } = identity;
      const user = { id: this.#profile.userId(), name, email, email_verified };
      const redirectTo = await this.#grants.approve(terms, approval, { user, servers: approval.servers });
      await this.#afterCommit();
      return redirectTo;
    }

    async redeemCode(terms: IssuerConfig, presented: TokenRequest): Promise<TokenAnswer> {
      return this.#onCurrentAccount(
        async () => this.parts.checks.refuseCode() ?? this.#grants.redeemCode(terms, presented),
        (there) => there.redeemCode(terms, presented),
      );
    }

    async rotateRefresh(terms: IssuerConfig, presented: TokenRequest): Promise<TokenAnswer> {
      return this.#onCurrentAccount(
        async () => {
          const refused = await this.parts.checks.refuseRefresh(terms, presented);
          return refused ?? this.#grants.rotateRefresh(terms, presented);
        },
        (there) => there.rotateRefresh(terms, presented),
      );
    }

    /** A grant and its one access token of what the settings allow a principal, without a code. */
    async issueDirectly(userId: string, terms: IssuerConfig, approval: DirectApproval): Promise<TokenAnswer> {
      const { key_id } = approval;
      if (key_id !== undefined && !this.#accessKeys.standing(key_id, seconds())) {
        const error_description = 'The access key is not valid';
        return { status: 400, body: { error: 'invalid_grant', error_description }, reason: 'key_unknown' };
      }
      // A person of the same issuer and subject stays as they signed in: the grant has its own identity.
      if (!this.#profile.identity()) this.#profile.save(userId, approval.identity, seconds());
      const answer = await issueDirectly(this.#store, issuer, userId, terms, approval);
      await this.#afterCommit();
      return answer;
    }

    /** Exchanges an access token for a narrower one of the same grant (RFC 8693). */
    async exchangeToken(terms: IssuerConfig, presented: TokenRequest, target?: string): Promise<TokenAnswer> {
      return this.#onCurrentAccount(
        () => exchangeToken(this.#store, issuer, terms, presented, target),
        (there) => there.exchangeToken(terms, presented, target),
      );
    }

    /**
     * What an access token or an access key stands for now: `grantId` is the grant's id or the key's, `hash` the
     * SHA-256 of the whole text in hex. Notes the use.
     */
    async authenticate(grantId: string, hash: string): Promise<Result<Access>> {
      const there = await this.#moves.elsewhere();
      if (there) return there.authenticate(grantId, hash);
      return this.#accesses.use(grantId, hash, seconds());
    }

    /** Whose grant it is, while it stands: for streams that outlive the request that opened them. */
    async standing(grantId: string): Promise<Identity | undefined> {
      const there = await this.#moves.elsewhere();
      if (there) return there.standing(grantId);
      return this.#accesses.actor(grantId, seconds());
    }

    /** All here that what the user may do depends on: who the provider says that they are. */
    rights(): string {
      return JSON.stringify(this.#profile.identity() ?? null);
    }

    /** As {@link authenticate}, of a refresh token too, without noting a use (RFC 7662). */
    async introspect(grantId: string, hash: string): Promise<Result<Access>> {
      const there = await this.#moves.elsewhere();
      if (there) return there.introspect(grantId, hash);
      return this.#accesses.look(grantId, hash, seconds());
    }

    /**
     * Revokes a token for the client that it was issued to (RFC 7009): an access token alone, or with a
     * refresh token, the current one or an older one, the whole grant. False when it was nothing of theirs.
     */
    async revokeToken(grantId: string, hash: string, clientId: string): Promise<boolean> {
      const there = await this.#moves.elsewhere();
      if (there) return there.revokeToken(grantId, hash, clientId);
      const now = seconds();
      const grant = this.#store.find(grantId, now);
      if (grant?.client_id !== clientId) return false;
      const key = this.#store.tokenKey(grantId, hash);
      const isRefresh = this.#store.refreshToken(grantId, hash, now) !== undefined;
      if (isRefresh) this.#store.revoke(grantId);
      else if (this.#store.record(key, now)) this.#store.dropToken(grantId, hash);
      else return false;
      await this.#afterCommit();
      return true;
    }

    /** Ends a grant with all its tokens. False when there was none. */
    async revokeGrant(id: string): Promise<boolean> {
      const existed = this.#store.revoke(id);
      await this.#afterCommit();
      return existed;
    }

    listGrants(): Grant[] {
      return this.#store.list(seconds()).map(describeGrant);
    }

    /** Copies the outbox to KV and removes what has ended. */
    override async alarm(): Promise<void> {
      const now = seconds();
      this.#store.purge(now);
      this.#signIns.purge(now);
      this.#accessKeys.purge(now);
      try {
        await this.parts.checks.runMaintenance(now);
        await this.#moves.runMaintenance(now);
        await this.#outbox.flush(now);
      } catch (error) {
        // The runtime gives up on an alarm that throws a few times, and KV may be away for longer.
        writeLog('error', { event: 'outbox', outcome: 'failed', detail: error });
        return this.ctx.storage.setAlarm(Date.now() + OUTBOX_RETRY_MS);
      }
      await this.#afterCommit();
      this.parts.end.vanishIfIdle();
    }

    /**
     * Answers a presentation here, or where this account's visitor moved to. One that moved meanwhile is asked
     * again there, where a repeat gets the first answer.
     */
    async #onCurrentAccount(
      here: () => Promise<TokenAnswer>,
      elsewhere: (there: RemoteAccount) => Promise<TokenAnswer>,
    ): Promise<TokenAnswer> {
      const before = await this.#moves.elsewhere();
      if (before) return elsewhere(before);
      const answer = await here();
      await this.#afterCommit();
      const after = answer.status === 200 ? undefined : await this.#moves.elsewhere();
      return after ? elsewhere(after) : answer;
    }

    /** After a transition: watchers hear of it, and the next alarm is set. */
    async #afterCommit(): Promise<void> {
      await this.parts.watchers.tell();
      await this.#schedule();
    }

    /** The next alarm: at once while copies wait, else when something ends. */
    async #schedule(): Promise<void> {
      const ends = [
        this.#store.nextEnd(),
        this.#signIns.nextEnd(),
        this.#accessKeys.nextEnd(),
        this.#moves.nextEnd(seconds()),
        this.parts.checks.nextEnd(seconds()),
      ].filter((at) => at !== undefined);
      const at = this.#outbox.waiting ? Date.now() : (Math.min(...ends) + 1) * 1000;
      if (!Number.isFinite(at)) return;
      const set = await this.ctx.storage.getAlarm();
      if (set === null || set > at) await this.ctx.storage.setAlarm(at);
    }
  };
}
