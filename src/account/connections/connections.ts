import { seconds } from '../../clock';
import { type Keyring, seal, unseal } from '../../crypto';
import { ok, type Result, refuse } from '../../result';
import { Serial } from '../../serial';
import { isOfAnotherClient } from './configured';
import {
  type ClientSetting,
  type Connection,
  type Connector,
  type ConnectorOptions,
  type CredentialAnswer,
  type CredentialRequest,
  connectionOf,
  credentialId,
  isSendable,
  issue,
  type OAuthCredential,
  type UpstreamCredential,
} from './credential';
import { retryDelay } from './freshness';
import { describe, isGood, judge, missingFrom, unavailable } from './row';
import type { ConnectionRow, ConnectionStore, StoredCredential } from './store';

/** What {@link Connections} needs of the object that it runs in. */
export interface ConnectionsHost {
  userId(): string;
  keyring(): Promise<Keyring>;
  connector: Connector;
  /** The secret of a configured client, by the name of the server. */
  clientSecret(server: string): string | undefined;
  /** How long a call whose token is still valid waits for a renewal, in milliseconds. */
  patience?: number;
  log(event: {
    event: string;
    outcome: 'ok' | 'refused' | 'failed';
    reason?: string;
    /** The provider's own error code and description, without secrets. */
    detail?: string | undefined;
    server: string;
  }): void;
}

const PATIENCE = 2_000;

/** A credential that is about to be stored, and the URL of its server. */
export interface Obtained {
  credential: UpstreamCredential;
  place: string;
}

/**
 * A principal's connections. Changes of one connection run one after the other, so that a refresh token is presented
 * once, however many calls need the new one. A renewed credential is stored before anybody gets it.
 */
export class Connections {
  private readonly serial = new Serial();
  /** Decrypted credentials by server, so that not each call has to decrypt; unused once the row or the keys change. */
  private readonly opened = new Map<
    string,
    { sealed: string; keyring: Keyring; credential: UpstreamCredential }
  >();

  constructor(
    private readonly store: ConnectionStore,
    private readonly host: ConnectionsHost,
  ) {}

  /** The credential for a server, renewed first when it is about to expire. */
  async credential(wanted: CredentialRequest): Promise<CredentialAnswer> {
    const row = this.store.find(wanted.server);
    const missing = missingFrom(row, wanted);
    if (missing || !row) return missing ?? refuse('not_connected');
    if (judge(row, wanted) === 'use') return this.use(row, wanted);
    const renewed = this.serial.run(wanted.server, () => this.renew(wanted));
    return isGood(row, wanted) ? this.inTime(renewed, row, wanted) : renewed;
  }

  /** Stores new credentials, all or none. They replace those that these servers had. */
  async connect(obtained: Obtained[]): Promise<void> {
    const servers = obtained.map(({ credential }) => credential.server);
    await this.afterAll(servers, async () => this.store.connect(await this.sealAll(obtained), seconds()));
  }

  /** Every credential that can be decrypted, for another account to store. */
  async openAll(): Promise<Obtained[]> {
    const opened = this.store.list().map(async (row) => {
      const credential = await this.serial.run(row.server, () => this.open(row));
      return credential.ok ? { credential: credential.value, place: row.place } : undefined;
    });
    return (await Promise.all(opened)).filter((one) => one !== undefined);
  }

  /** Encrypts credentials for this account. */
  sealAll(obtained: Obtained[]): Promise<StoredCredential[]> {
    return Promise.all(obtained.map(({ credential, place }) => this.seal(credential, place)));
  }

  /**
   * Ends a connection: here at once, then at its provider, where that has a way. `existed`: whether there was one;
   * `revoked`: whether the provider ended it too.
   */
  async disconnect(
    server: string,
    loopback: readonly string[],
    configured?: ClientSetting,
  ): Promise<{ existed: boolean; revoked: boolean }> {
    const held = await this.serial.run(server, async () => {
      const row = this.store.find(server);
      const credential = row && (await this.open(row));
      this.store.remove(server);
      this.opened.delete(server);
      return { existed: row !== undefined, credential };
    });
    const { existed, credential } = held;
    if (!credential?.ok || credential.value.auth !== 'oauth') return { existed, revoked: false };
    const options = this.optionsFor(credential.value, loopback, configured);
    return { existed, revoked: await this.host.connector.revoke(credential.value, options) };
  }

  /** Ends a connection whose credential its server refuses. Does nothing when it has another credential by now. */
  markRefused(server: string, credentialId: string): void {
    const row = this.store.find(server);
    if (row?.credential_id !== credentialId || row.status !== 'connected') return;
    this.end(row, 'refused_by_server');
  }

  /** Stores that the person is at the provider of a server, until `until` (seconds since the epoch). */
  begin(server: string, until: number): void {
    this.store.begin(server, until);
  }

  /** All connections, and the servers at whose provider the person is now. */
  async list(): Promise<{ connections: Connection[]; pending: string[] }> {
    const { versions } = await this.host.keyring();
    const connections = this.store.list().map((row) => describe(row, versions.has(row.key_version)));
    return { connections, pending: this.store.pending(seconds()) };
  }

  /** Encrypts by the current master key what an older one encrypted. `left`: how many can't be decrypted. */
  async rewrap(): Promise<{ rewrapped: number; left: number }> {
    const { current } = await this.host.keyring();
    const old = this.store.list().filter(({ key_version }) => key_version !== current);
    const opened = await Promise.all(old.map((row) => this.open(row)));
    const rewrapped = opened.filter((one) => one.ok).length;
    return { rewrapped, left: old.length - rewrapped };
  }

  /** The renewed credential, or the old one when the provider is slow. Then the renewal goes on for later calls. */
  private async inTime(
    renewed: Promise<CredentialAnswer>,
    row: ConnectionRow,
    wanted: CredentialRequest,
  ): Promise<CredentialAnswer> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), this.host.patience ?? PATIENCE);
    });
    const answer = await Promise.race([renewed, late]).finally(() => clearTimeout(timer));
    return answer ?? this.use(row, wanted);
  }

  private async renew(wanted: CredentialRequest): Promise<CredentialAnswer> {
    // An earlier call may have renewed it, or ended it.
    const row = this.store.find(wanted.server);
    const missing = missingFrom(row, wanted);
    if (missing || !row) return missing ?? refuse('not_connected');
    switch (judge(row, wanted)) {
      case 'use':
        return this.use(row, wanted);
      case 'wait':
        return unavailable((row.retry_at ?? 0) - seconds());
      case 'ended': {
        const reason = wanted.refused === undefined ? 'expired' : 'refused_by_server';
        this.end(row, reason);
        return refuse('needs_reauthorization', reason);
      }
      case 'renew':
        return this.refresh(row, wanted);
    }
  }

  private async refresh(row: ConnectionRow, wanted: CredentialRequest): Promise<CredentialAnswer> {
    const opened = await this.open(row);
    if (!opened.ok) return refuse('vault_unreadable', opened.error.detail);
    if (opened.value.auth !== 'oauth') return refuse('needs_reauthorization', 'expired');
    const { client: configured, loopback } = wanted;
    if (isOfAnotherClient(opened.value, configured)) {
      this.end(row, 'client_changed');
      return refuse('needs_reauthorization', 'client_changed');
    }
    // Stored before the request is sent. If this object stops before the answer is stored, this explains later why the
    // provider doesn't accept the old token any more.
    this.store.update(row, { refresh_began_at: seconds() });
    const options = this.optionsFor(opened.value, loopback, configured);
    const answer = await this.host.connector.refresh(opened.value, options);
    const { server } = row;
    if (answer.ok) {
      const next = await this.seal(answer.value, row.place, connectionOf(row.credential_id));
      if (!this.store.renew(row, next, seconds())) return refuse('not_connected');
      this.host.log({ event: 'connection_renewed', outcome: 'ok', server });
      return ok(issue(next.credential_id, answer.value, wanted.header));
    }
    const { reason, detail, retry_after, answered } = answer.error;
    if (reason === 'provider_unavailable') {
      this.host.log({ event: 'connection_renewed', outcome: 'failed', reason, detail, server });
      return this.putOff(row, wanted, { retry_after, answered });
    }
    const lost = reason === 'refresh_rejected' && row.refresh_began_at !== null;
    const why = lost ? 'refresh_answer_lost' : reason;
    this.end(row, why, detail);
    return refuse('needs_reauthorization', why);
  }

  /** The provider can't be asked now: the credential is used until it expires. */
  private putOff(
    row: ConnectionRow,
    wanted: CredentialRequest,
    failed: { retry_after: number | undefined; answered: boolean | undefined },
  ): CredentialAnswer | Promise<CredentialAnswer> {
    const failures = row.failures + 1;
    const delay = retryDelay(failures, failed.retry_after);
    const later = { failures, retry_at: seconds() + delay };
    this.store.update(row, failed.answered ? { ...later, refresh_began_at: row.refresh_began_at } : later);
    return isGood(row, wanted) ? this.use(row, wanted) : unavailable(delay);
  }

  private async use(row: ConnectionRow, wanted: CredentialRequest): Promise<CredentialAnswer> {
    const opened = await this.open(row);
    if (!opened.ok) return refuse('vault_unreadable', opened.error.detail);
    const now = seconds();
    // At most once a minute: a protected request should cost no write.
    if (row.last_used_at === null || now - row.last_used_at >= 60) {
      this.store.update(row, { last_used_at: now });
    }
    const issued = issue(row.credential_id, opened.value, wanted.header);
    if (isSendable(issued.value)) return ok(issued);
    this.end(row, 'credential_malformed');
    return refuse('needs_reauthorization', 'credential_malformed');
  }

  /**
   * Decrypts a row, and encrypts it again when that was by an older master key. Refused as `vault_unreadable` when the
   * key is gone.
   */
  private async open(row: ConnectionRow): Promise<Result<UpstreamCredential>> {
    const keyring = await this.host.keyring();
    const known = this.opened.get(row.server);
    if (known && known.sealed === row.sealed && known.keyring === keyring) return ok(known.credential);
    const opened = await unseal<UpstreamCredential>(keyring, this.host.userId(), row.sealed);
    if (!opened.ok) return opened;
    // A credential is encrypted with the name of its server, so that a row can't be used for another one.
    if (opened.value.server !== row.server) return refuse('vault_unreadable', 'it is of another server');
    if (row.key_version !== keyring.current) {
      this.store.rewrap(row, await seal(keyring, this.host.userId(), opened.value), keyring.current);
    } else this.opened.set(row.server, { sealed: row.sealed, keyring, credential: opened.value });
    return opened;
  }

  /** Encrypts a credential. `connection`: the one that it renews; undefined: it begins a new one. */
  private async seal(
    credential: UpstreamCredential,
    place: string,
    connection?: string,
  ): Promise<StoredCredential> {
    const keyring = await this.host.keyring();
    const oauth = credential.auth === 'oauth' ? credential : undefined;
    return {
      server: credential.server,
      credential_id: credentialId(connection),
      auth: credential.auth,
      place,
      sealed: await seal(keyring, this.host.userId(), credential),
      key_version: keyring.current,
      renewable: oauth?.refresh_token === undefined ? 0 : 1,
      scope: oauth?.scope ?? null,
      expires_at: oauth?.expires_at ?? null,
    };
  }

  private end(row: ConnectionRow, reason: string, detail?: string): void {
    this.store.update(row, { status: 'needs_reauthorization', reason });
    const { server } = row;
    this.host.log({ event: 'connection_renewed', outcome: 'refused', reason, detail, server });
  }

  private optionsFor(
    credential: OAuthCredential,
    loopback: readonly string[],
    configured: ClientSetting | undefined,
  ): ConnectorOptions {
    const { client, server } = credential;
    const requests = configured?.requests;
    if (client.kind !== 'configured') return { loopback, clientSecret: client.client_secret, requests };
    const foreign = isOfAnotherClient(credential, configured);
    return { loopback, clientSecret: foreign ? undefined : this.host.clientSecret(server), requests };
  }

  /** Runs a task while nothing else changes the connections to these servers. */
  private afterAll(servers: string[], task: () => Promise<void>): Promise<void> {
    // Always in the same order, so that two such tasks can't wait for each other.
    return [...servers]
      .sort()
      .reduceRight<() => Promise<void>>((next, server) => () => this.serial.run(server, next), task)();
  }
}
