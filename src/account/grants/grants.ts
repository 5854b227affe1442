import { seconds } from '../../clock';
import type { OidcProvider, Tokens } from '../../config';
import { s256, sealUnderSecret, sha256Hex, timingSafeEqual, unsealUnderSecret } from '../../crypto';
import { ok, refuse } from '../../result';
import { Serial } from '../../serial';
import type { Scope } from '../principal/scopes';
import type { CheckedRequest, Issuer, IssuingClient, IssuingConfig } from './issuer';
import { judgeCodeReplay, judgeRefreshReplay } from './replay';
import type { CodeRow, GrantRow, RotationRow } from './rows';
import type { GrantStore, Insert } from './store';
import type { CodeRefusalReason, IssuedTokens, RefreshRefusalReason, TokenResult } from './token-result';

/** What a person allowed on the consent page. `expires_at`: the grant's end, seconds since the epoch. */
export interface Approval {
  request: CheckedRequest;
  client: IssuingClient & { name: string; domain: string | undefined };
  scope: Scope[];
  servers: string[];
  expires_at: number;
  /** The access key with which the person had signed in, if they used one. */
  key_id?: string | undefined;
}

/** What issuing needs to know of the deployment: its origin, which is the issuer, all resources, `TOKENS`, the providers. */
export interface IssuerConfig {
  origin: string;
  resources: string[];
  tokens: Tokens;
  providers: readonly OidcProvider[];
  /** Local development, where a sign-in provider on this computer may be asked. */
  local: boolean;
}

/** A code, refresh token or access token presented at the token endpoint by an authenticated client. */
export interface TokenRequest {
  client: IssuingClient;
  grantId: string;
  /** The whole code or token. */
  secret: string;
  /** All parameters of the request except the client's credentials. */
  form: Record<string, string>;
}

/** A request with a code or refresh token of a grant, at one moment. */
interface GrantRequest {
  config: IssuerConfig;
  presented: TokenRequest;
  grant: GrantRow;
  /** Seconds since the epoch. */
  now: number;
}

/**
 * Stores rows in the transaction that stores what was issued. `sealed`: the answer, encrypted under the code or token
 * that was presented; `successor`: the hash of the new refresh token.
 */
type RowsOfIssue = (insert: Insert, answer: { sealed: string; successor: string }) => void;

/** Seconds. The library refuses shorter lifetimes; they are cut when a record is stored. */
const LIBRARY_MIN_TTL = 60;

/**
 * The rules for a principal's grants: codes work once, refresh tokens rotate without races. Requests for one grant are
 * answered one after the other, the library is called once per code and once per rotation, and what it writes is
 * committed as a whole or not at all.
 */
export class Grants {
  private readonly serial = new Serial();

  constructor(
    private readonly store: GrantStore,
    private readonly issuer: Issuer,
    private readonly userId: () => string,
  ) {}

  /** Makes a grant and its code. Returns the redirect to the client, with code, state and `iss` (RFC 9207). */
  async approve(config: IssuerConfig, approval: Approval, props: object): Promise<string> {
    const now = seconds();
    const { request, client, scope, servers } = approval;
    const view = this.store.view(now, clientRecord(client, request.redirect_uri));
    const redirectTo = await this.issuer.authorize(view, issuingConfig(config, client), {
      userId: this.userId(),
      request,
      scope,
      props,
      metadata: { servers },
    });
    const code = new URL(redirectTo).searchParams.get('code') ?? '';
    const hash = await sha256Hex(code);
    const grantId = code.split(':')[1] ?? '';
    const codeEnds = now + config.tokens.code;
    this.store.limitGrants();
    const grant = {
      id: grantId,
      client_id: client.client_id,
      client_name: client.name,
      client_domain: client.domain ?? null,
      redirect_uri: request.redirect_uri,
      resource: request.resource,
      scope: scope.join(' '),
      servers: JSON.stringify(servers),
      created_at: now,
      expires_at: approval.expires_at,
      refresh_expires_at: codeEnds,
      key_id: approval.key_id ?? null,
    };
    this.store.commit(view, { grantId, refresh: codeEnds, access: codeEnds, grant }, (insert) => {
      insert('codes', {
        hash,
        grant_id: grantId,
        client_id: client.client_id,
        code_challenge: request.code_challenge,
        expires_at: codeEnds,
      });
    });
    return redirectTo;
  }

  /** Redeems a code (RFC 6749 section 4.1.3): once, however many requests come at the same moment. */
  redeemCode(config: IssuerConfig, presented: TokenRequest): Promise<TokenResult<CodeRefusalReason>> {
    return this.serial.run(presented.grantId, async () => {
      const now = seconds();
      const hash = await sha256Hex(presented.secret);
      const code = this.store.code(hash);
      const grant = this.store.find(presented.grantId, now);
      if (!code || !grant) return refuse('code_unknown');
      if (code.client_id !== presented.client.client_id) return refuse('code_client_mismatch');
      const verifier = presented.form.code_verifier;
      const fits = timingSafeEqual(await s256(verifier ?? ''), code.code_challenge);
      // If the code is valid and the verifier is missing, the library says so.
      if (!fits && (verifier || code.redeemed_at !== null)) return refuse('code_verifier_mismatch');
      const grantRequest = { config, presented, grant, now };
      if (code.redeemed_at !== null) return this.repeatCode(grantRequest, code);
      if (code.expires_at <= now) return refuse('code_expired');
      return this.issue(grantRequest, (_insert, answer) => {
        this.store.markRedeemed(hash, now, answer.sealed);
      });
    });
  }

  /** Rotates a refresh token (RFC 6749 section 6). A retry gets the answer that the first request got. */
  rotateRefresh(config: IssuerConfig, presented: TokenRequest): Promise<TokenResult<RefreshRefusalReason>> {
    return this.serial.run(presented.grantId, async () => {
      const now = seconds();
      const hash = await sha256Hex(presented.secret);
      const grant = this.store.find(presented.grantId, now);
      if (!grant) return refuse('grant_not_found');
      if (grant.client_id !== presented.client.client_id) return refuse('refresh_client_mismatch');
      const grantRequest = { config, presented, grant, now };
      const rotation = this.store.rotation(hash);
      if (rotation) return this.repeatRefresh(grantRequest, rotation);
      if (grant.refresh_expires_at <= now) return refuse('refresh_expired');
      return this.issue(grantRequest, (insert, { sealed: answer, successor }) => {
        insert('rotations', { hash, grant_id: grant.id, successor, rotated_at: now, answer });
        this.store.forgetAnswers(grant.id, now, config.tokens);
      });
    });
  }

  private async repeatCode(
    { presented, grant, now }: GrantRequest,
    code: CodeRow,
  ): Promise<TokenResult<'code_replayed'>> {
    const used = grant.last_used_at !== null || this.store.wasRotated(grant.id);
    const verdict = judgeCodeReplay({ redeemedAt: code.redeemed_at ?? 0, now, used });
    const answer = await unsealUnderSecret<IssuedTokens>(presented.secret, code.answer ?? '');
    if (verdict === 'repeat' && answer) return ok(answer);
    this.store.revoke(grant.id);
    return refuse('code_replayed');
  }

  private async repeatRefresh(
    grantRequest: GrantRequest,
    rotation: RotationRow,
  ): Promise<TokenResult<RefreshRefusalReason>> {
    const { config, presented, grant, now } = grantRequest;
    const verdict = judgeRefreshReplay({
      rotatedAt: rotation.rotated_at,
      now,
      grace: config.tokens.grace,
      successorUsed: this.store.rotation(rotation.successor) !== undefined,
    });
    if (verdict === 'replay') {
      if (config.tokens.on_replay === 'revoke') this.store.revoke(grant.id);
      return refuse('refresh_replayed');
    }
    if (grant.refresh_expires_at <= now) return refuse('refresh_expired');
    const answer = await unsealUnderSecret<IssuedTokens>(presented.secret, rotation.answer);
    if (!answer) return refuse('answer_unreadable');
    const access = this.store.tokenKey(grant.id, await sha256Hex(answer.access_token));
    const ends = this.store.record(access, now)?.expires_at;
    if (ends) return ok({ ...answer, expires_in: ends - now });
    return this.renewAccess(grantRequest, String(answer.refresh_token));
  }

  /**
   * A retry whose access token has ended by now gets a new access token, with the same next refresh token. For that the
   * library rotates the newest token of the chain, and of what it writes only the access token is stored.
   */
  private async renewAccess(
    grantRequest: GrantRequest,
    successor: string,
  ): Promise<TokenResult<'grant_revoked_meanwhile'>> {
    const { presented } = grantRequest;
    let newest = successor;
    for (;;) {
      const next = this.store.rotation(await sha256Hex(newest));
      const answer = next && (await unsealUnderSecret<IssuedTokens>(newest, next.answer));
      if (!answer) break;
      newest = String(answer.refresh_token);
    }
    const hash = await sha256Hex(presented.secret);
    const form = { ...presented.form, refresh_token: newest };
    return this.issue(
      { ...grantRequest, presented: { ...presented, form } },
      (_insert, answer) => this.store.setAnswer('rotations', hash, answer.sealed),
      successor,
    );
  }

  /**
   * One call of the library, and its commit. With `keepRefresh` only the access token is new: the answer has that
   * refresh token instead of the library's, and the grant's record stays as it is.
   */
  private async issue(
    { config, presented, grant, now }: GrantRequest,
    rows: RowsOfIssue,
    keepRefresh?: string,
  ): Promise<TokenResult<'grant_revoked_meanwhile'>> {
    const grantKey = this.store.grantKey(grant.id);
    const client = clientRecord(presented.client, grant.redirect_uri);
    const view = this.store.view(now, { ...client, ...this.store.grantWithoutEnd(grant.id, now) });
    const issuing = issuingConfig(config, presented.client);
    const issued = await this.issuer.token(view, issuing, presented.form);
    if (!issued.ok) return issued;

    const access = Math.min(now + config.tokens.access, grant.expires_at);
    const slid = Math.min(now + config.tokens.refresh, grant.expires_at);
    const refresh = keepRefresh === undefined ? slid : grant.refresh_expires_at;
    if (keepRefresh !== undefined) view.writes.delete(grantKey);
    const refresh_token = keepRefresh ?? String(issued.value.refresh_token);
    const answer = { ...issued.value, refresh_token, expires_in: access - now };
    const sealed = await sealUnderSecret(presented.secret, answer);
    const successor = await sha256Hex(refresh_token);
    const stored = this.store.commit(view, { grantId: grant.id, refresh, access }, (insert) => {
      rows(insert, { sealed, successor });
    });
    return stored ? ok(answer) : refuse('grant_revoked_meanwhile');
  }
}

/** What the issuer needs to know of the deployment and of a client. */
export function issuingConfig(config: IssuerConfig, client: IssuingClient): IssuingConfig {
  const accessTtl = Math.max(config.tokens.access, LIBRARY_MIN_TTL);
  return { origin: config.origin, resources: config.resources, accessTtl, client };
}

/**
 * The client's record as the library reads it, by its key. As a public client, because the caller has authenticated it,
 * and with the grant's own redirect URI, because the caller has matched it (we treat loopback hosts as one).
 */
export function clientRecord(client: IssuingClient, redirectUri: string): Record<string, string> {
  const record = {
    clientId: client.client_id,
    redirectUris: [...new Set([...client.redirect_uris, redirectUri])],
    grantTypes: client.grant_types,
    responseTypes: client.response_types,
    tokenEndpointAuthMethod: 'none',
  };
  return { [`client:${client.client_id}`]: JSON.stringify(record) };
}
