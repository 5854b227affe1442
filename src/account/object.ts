import { DurableObject } from 'cloudflare:workers';
import { seconds } from '../clock';
import { migrate } from '../migrations';
import { ok, type Result, refuse } from '../result';
import { type DirectApproval, exchangeToken, issueDirectly } from './direct';
import { type GrantRow, GrantStore } from './grant-store';
import { type Approval, Grants, type Presentation, type Terms } from './grants';
import type { Identity } from './identity';
import type { Issuer, TokenAnswer } from './issuer';
import { Outbox } from './outbox';
import { ACCOUNT_SCHEMA } from './schema';
import { type SignInRow, SignIns } from './sign-ins';

/** Milliseconds after which a copy to KV that failed is tried again. */
const OUTBOX_RETRY_MS = 60_000;

/** What a token stands for, as the object knows it at this moment. Times are seconds since the epoch. */
export interface Access {
  identity: Identity;
  grant: {
    id: string;
    client_id: string;
    client_name: string;
    servers: string[];
    resource: string;
    expires_at: number;
  };
  /** The token's own scope, which a refresh may have narrowed. */
  scope: string[];
  issued_at: number;
  expires_at: number;
}

/** A grant as its user sees it. */
export interface Grant {
  id: string;
  client_id: string;
  client_name: string;
  client_domain: string | undefined;
  scope: string;
  servers: string[];
  resource: string;
  created_at: number;
  last_used_at: number | undefined;
  expires_at: number;
}

/**
 * The `Account` of one principal: the one place that decides about its grants, tokens and browser sign-ins.
 * Methods are transitions; refusals are values, because thrown errors lose their fields on the way out.
 */
export function accountObject(issuer: Issuer) {
  return class AccountObject extends DurableObject<Env> {
    readonly #store: GrantStore;
    readonly #grants: Grants;
    readonly #signIns: SignIns;
    readonly #outbox: Outbox;

    constructor(ctx: DurableObjectState, env: Env) {
      super(ctx, env);
      migrate(ctx.storage, ACCOUNT_SCHEMA);
      const userId = () => this.#profile()?.user_id ?? '';
      this.#store = new GrantStore(ctx.storage, userId);
      this.#grants = new Grants(this.#store, issuer, userId);
      this.#signIns = new SignIns(ctx.storage.sql);
      this.#outbox = new Outbox(ctx.storage.sql, env.OAUTH_KV);
    }

    /** Signs a browser in, and remembers what the provider says of the person now. `ttl` in seconds. */
    async signIn(
      userId: string,
      identity: Identity,
      browser: { userAgent: string; ttl: number },
    ): Promise<{ id: string; secret: string }> {
      this.#remember(userId, identity, 'REPLACE');
      const created = await this.#signIns.create(browser.userAgent, seconds(), browser.ttl);
      await this.#schedule();
      return created;
    }

    /** Who is signed in by that cookie. Refused as `sign_in_ended` when it was ended or has expired. */
    async checkSignIn(id: string, secret: string): Promise<Result<Identity>> {
      const found = await this.#signIns.find(id, secret, seconds());
      const identity = this.#identity();
      return found && identity ? ok(identity) : refuse('sign_in_ended');
    }

    listSignIns(): SignInRow[] {
      return this.#signIns.list(seconds());
    }

    endSignIn(id: string): boolean {
      return this.#signIns.end(id);
    }

    /** Makes a grant of what the person allowed. Returns the redirect to the client, with its code. */
    async approve(terms: Terms, approval: Approval): Promise<string> {
      const identity = this.#identity();
      if (!identity) throw new Error('approve was called for a principal that never signed in');
      const { name, email, email_verified } = identity;
      const user = { id: this.#profile()?.user_id, name, email, email_verified };
      const redirectTo = await this.#grants.approve(terms, approval, { user, servers: approval.servers });
      await this.#schedule();
      return redirectTo;
    }

    async redeemCode(terms: Terms, presented: Presentation): Promise<TokenAnswer> {
      const answer = await this.#grants.redeemCode(terms, presented);
      await this.#schedule();
      return answer;
    }

    async rotateRefresh(terms: Terms, presented: Presentation): Promise<TokenAnswer> {
      const answer = await this.#grants.rotateRefresh(terms, presented);
      await this.#schedule();
      return answer;
    }

    /** A grant and its one access token of what the settings allow a principal, without a code. */
    async issueDirectly(userId: string, terms: Terms, approval: DirectApproval): Promise<TokenAnswer> {
      // A person of the same issuer and subject stays as they signed in: the grant has its own identity.
      this.#remember(userId, approval.identity, 'IGNORE');
      const answer = await issueDirectly(this.#store, issuer, userId, terms, approval);
      await this.#schedule();
      return answer;
    }

    /** Exchanges an access token for a narrower one of the same grant (RFC 8693). */
    async exchangeToken(terms: Terms, presented: Presentation, target?: string): Promise<TokenAnswer> {
      const answer = await exchangeToken(this.#store, issuer, terms, presented, target);
      await this.#schedule();
      return answer;
    }

    /** What an access token stands for now. `hash`: its SHA-256 in hex. Notes the use. */
    authenticate(grantId: string, hash: string): Result<Access> {
      const now = seconds();
      const access = this.#access(grantId, hash, now);
      const grant = this.#store.find(grantId, now);
      if (access.ok && grant) this.#store.touch(grant, now);
      return access;
    }

    /** Whose grant it is, while it stands: for streams that outlive the request that opened them. */
    standing(grantId: string): Identity | undefined {
      const grant = this.#store.find(grantId, seconds());
      return grant && this.#identityOf(grant);
    }

    /** As {@link authenticate}, of a refresh token too, without noting a use (RFC 7662). */
    introspect(grantId: string, hash: string): Result<Access> {
      const now = seconds();
      const grant = this.#store.find(grantId, now);
      const identity = grant && this.#identityOf(grant);
      const current = this.#store.refreshToken(grantId, hash, now) === 'current';
      if (!grant || !identity || !current || grant.refresh_expires_at <= now) {
        return this.#access(grantId, hash, now);
      }
      const scope = grant.scope.split(' ');
      const times = { issued_at: grant.created_at, expires_at: grant.refresh_expires_at };
      return ok({ identity, grant: accessGrant(grant), scope, ...times });
    }

    /**
     * Revokes a token for the client that it was issued to (RFC 7009): an access token alone, or with a
     * refresh token, the current one or an older one, the whole grant. False when it was nothing of theirs.
     */
    async revokeToken(grantId: string, hash: string, clientId: string): Promise<boolean> {
      const now = seconds();
      const grant = this.#store.find(grantId, now);
      if (grant?.client_id !== clientId) return false;
      const key = this.#store.tokenKey(grantId, hash);
      const isRefresh = this.#store.refreshToken(grantId, hash, now) !== undefined;
      if (isRefresh) this.#store.revoke(grantId);
      else if (this.#store.record(key, now)) this.#store.dropToken(grantId, hash);
      else return false;
      await this.#schedule();
      return true;
    }

    /** Ends a grant with all its tokens. False when there was none. */
    async revokeGrant(id: string): Promise<boolean> {
      const existed = this.#store.revoke(id);
      await this.#schedule();
      return existed;
    }

    listGrants(): Grant[] {
      return this.#store.list(seconds()).map(({ id, client_id, client_name, scope, resource, ...row }) => ({
        id,
        client_id,
        client_name,
        client_domain: row.client_domain ?? undefined,
        scope,
        servers: JSON.parse(row.servers) as string[],
        resource,
        created_at: row.created_at,
        last_used_at: row.last_used_at ?? undefined,
        expires_at: row.expires_at,
      }));
    }

    /** Copies the outbox to KV and removes what has ended. */
    override async alarm(): Promise<void> {
      const now = seconds();
      this.#store.purge(now);
      this.#signIns.purge(now);
      try {
        await this.#outbox.flush(now);
      } catch (error) {
        // The runtime gives up on an alarm that throws a few times, and KV may be away for longer.
        console.error(JSON.stringify({ event: 'outbox', outcome: 'failed', detail: String(error) }));
        return this.ctx.storage.setAlarm(Date.now() + OUTBOX_RETRY_MS);
      }
      await this.#schedule();
    }

    #access(grantId: string, hash: string, now: number): Result<Access> {
      const record = this.#store.record(this.#store.tokenKey(grantId, hash), now);
      const grant = this.#store.find(grantId, now);
      const identity = grant && this.#identityOf(grant);
      if (!record || !grant || !identity) return refuse(grant ? 'token_unknown' : 'grant_unknown');
      const { scope, createdAt } = JSON.parse(record.value) as { scope: string[]; createdAt: number };
      const times = { issued_at: createdAt, expires_at: record.expires_at ?? grant.expires_at };
      return ok({ identity, grant: accessGrant(grant), scope, ...times });
    }

    /** The next alarm: at once while copies wait, else when something ends. */
    async #schedule(): Promise<void> {
      const ends = [this.#store.nextEnd(), this.#signIns.nextEnd()].filter((at) => at !== undefined);
      const at = this.#outbox.waiting ? Date.now() : (Math.min(...ends) + 1) * 1000;
      if (!Number.isFinite(at)) return;
      const set = await this.ctx.storage.getAlarm();
      if (set === null || set > at) await this.ctx.storage.setAlarm(at);
    }

    #remember(userId: string, identity: Identity, existing: 'REPLACE' | 'IGNORE'): void {
      const { provider, issuer, subject, name, email, email_verified, groups } = identity;
      this.ctx.storage.sql.exec(
        `INSERT OR ${existing} INTO profile
         (id, user_id, provider, issuer, subject, name, email, email_verified, groups, updated_at)
         VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        userId,
        provider,
        issuer,
        subject,
        name,
        email ?? null,
        email_verified ? 1 : 0,
        JSON.stringify(groups),
        seconds(),
      );
    }

    /** Who a grant acts as. */
    #identityOf(grant: GrantRow): Identity | undefined {
      return grant.identity === null ? this.#identity() : (JSON.parse(grant.identity) as Identity);
    }

    #identity(): Identity | undefined {
      const profile = this.#profile();
      if (!profile) return undefined;
      const { user_id: _, id: __, updated_at: ___, ...rest } = profile;
      return {
        ...rest,
        email: rest.email ?? undefined,
        email_verified: rest.email_verified === 1,
        groups: JSON.parse(rest.groups) as string[],
      };
    }

    #profile(): ProfileRow | undefined {
      return this.ctx.storage.sql.exec('SELECT * FROM profile').toArray()[0] as ProfileRow | undefined;
    }
  };
}

type ProfileRow = {
  id: number;
  user_id: string;
  provider: string;
  issuer: string;
  subject: string;
  name: string;
  email: string | null;
  email_verified: number;
  groups: string;
  updated_at: number;
};

function accessGrant(grant: GrantRow): Access['grant'] {
  const { id, client_id, client_name, resource, expires_at } = grant;
  return { id, client_id, client_name, resource, expires_at, servers: JSON.parse(grant.servers) as string[] };
}
