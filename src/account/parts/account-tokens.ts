import { seconds } from '../../clock';
import { ok, type Refusal, type Result } from '../../result';
import type { Access } from '../access/access';
import type { AccessRefusal } from '../access/access-checks';
import type { CredentialAnswer, CredentialRequest } from '../connections/credential';
import { exchangeToken } from '../grants/direct';
import type { IssuerConfig, TokenRequest } from '../grants/grants';
import type {
  CodeRefusalReason,
  ExchangeRefusalReason,
  RefreshRefusalReason,
  TokenResult,
} from '../grants/token-result';
import type { Identity } from '../principal/identity';
import { AccountConnections } from './account-connections';
import type { AccountCore } from './core';

/**
 * What is done with the codes, tokens and access keys of an account. `hash` is the SHA-256 of a whole token or key in hex.
 * Once a visitor was merged into a user, these calls are answered by the user's account.
 */
export class AccountTokens {
  readonly #core: Pick<
    AccountCore,
    'accesses' | 'grants' | 'grantStore' | 'issuer' | 'maintenance' | 'provider'
  >;
  readonly #connections: AccountConnections;

  constructor(core: AccountCore) {
    this.#core = core;
    this.#connections = new AccountConnections(core);
  }

  /** Redeems an authorization code (RFC 6749 section 4.1.3). */
  async redeemCode(config: IssuerConfig, presented: TokenRequest): Promise<TokenResult<CodeRefusalReason>> {
    const { provider, grants, maintenance } = this.#core;
    const checked = provider.checkCode();
    const issued = checked.ok ? await grants.redeemCode(config, presented) : checked;
    await maintenance.afterCommit();
    return issued;
  }

  /** Rotates a refresh token (RFC 6749 section 6). If it is time for that, the sign-in provider is asked first. */
  async rotateRefresh(
    config: IssuerConfig,
    presented: TokenRequest,
  ): Promise<TokenResult<RefreshRefusalReason>> {
    const { provider, grants, maintenance } = this.#core;
    const checked = await provider.checkRefresh(config, presented);
    const issued = checked.ok ? await grants.rotateRefresh(config, presented) : checked;
    await maintenance.afterCommit();
    return issued;
  }

  /**
   * Exchanges an access token for a narrower one of the same grant (RFC 8693). `target`: the resource that the request
   * names, if any, which must be the grant's.
   */
  async exchangeToken(
    config: IssuerConfig,
    presented: TokenRequest,
    target?: string,
  ): Promise<TokenResult<ExchangeRefusalReason>> {
    const { grantStore: store, issuer, maintenance } = this.#core;
    const issued = await exchangeToken({ store, issuer, config }, presented, target);
    await maintenance.afterCommit();
    return issued;
  }

  /**
   * Revokes a token of a client (RFC 7009): an access token alone, or with a refresh token (the current one or an older
   * one) the whole grant. False when the client has no such token.
   */
  async revokeToken(grantId: string, hash: string, clientId: string): Promise<boolean> {
    const { grantStore, maintenance } = this.#core;
    const now = seconds();
    if (grantStore.find(grantId, now)?.client_id !== clientId) return false;
    if (grantStore.refreshToken(grantId, hash, now) !== undefined) grantStore.revoke(grantId);
    else if (grantStore.record(grantStore.tokenKey(grantId, hash), now)) grantStore.dropToken(grantId, hash);
    else return false;
    await maintenance.afterCommit();
    return true;
  }

  /**
   * The access that an access token or an access key gives now. Stores that it was used.
   *
   * @param grantId the id of the grant, or of the access key
   */
  authenticate(grantId: string, hash: string): Result<Access, Refusal<AccessRefusal>> {
    return this.#core.accesses.use(grantId, hash, seconds());
  }

  /**
   * As {@link authenticate}, with the credential for a server in the same call. The token may be valid while there is no
   * credential.
   */
  async authenticateWith(
    grantId: string,
    hash: string,
    wanted: CredentialRequest,
  ): Promise<Result<Access & { credential: CredentialAnswer }, Refusal<AccessRefusal>>> {
    const access = this.authenticate(grantId, hash);
    if (!access.ok) return access;
    return ok({ ...access.value, credential: await this.#connections.credential(wanted) });
  }

  /** As {@link authenticate}, also for a refresh token, and without storing the use (RFC 7662). */
  introspect(grantId: string, hash: string): Result<Access, Refusal<AccessRefusal>> {
    return this.#core.accesses.look(grantId, hash, seconds());
  }

  /** Who a grant or an access key acts as; undefined when it isn't valid. For streams that outlive their request. */
  standing(grantId: string): Identity | undefined {
    return this.#core.accesses.actor(grantId, seconds());
  }
}
