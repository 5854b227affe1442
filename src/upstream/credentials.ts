import { type CredentialAnswer, findAccount } from '../account';
import type { Deployment, RequestContext, ServerSetting } from '../config';
import { type ConnectedServer, needsConnection, wantedAt } from './connected-server';

/** Why there is no credential. `retry_after`: seconds, where waiting helps. */
export type CredentialError = Extract<CredentialAnswer, { ok: false }>['error'];

/** The user whose credential it is. */
type Acting = { user: { id: string } };

declare module 'hono' {
  interface ContextVariableMap {
    credentials: RequestCredentials;
  }
}

/** The context of a request that calls servers: it has the credentials for them. */
export interface UpstreamContext extends RequestContext {
  var: RequestContext['var'] & { credentials: RequestCredentials };
}

/** The credentials of a request. */
export function credentialsOf({ var: { credentials } }: Pick<UpstreamContext, 'var'>): RequestCredentials {
  return credentials;
}

/**
 * The users' own credentials for servers, for one request. Each is requested from the account once, and kept in the
 * request's context. They aren't part of the principal, because principals are passed to entrypoints and written into
 * tokens.
 */
export class RequestCredentials {
  readonly #answers = new Map<string, Promise<CredentialAnswer>>();

  constructor(private readonly deployment: Pick<Deployment, 'env' | 'keyring' | 'local'>) {}

  /** Keeps an answer that the account gave already, in the call that authenticated the request. */
  remember(user: string, server: string, answer: CredentialAnswer): void {
    this.#answers.set(keyOf(user, server), Promise.resolve(answer));
  }

  /** Removes all answers. For work that outlives its request, such as streams, because they may be out of date. */
  forget(): void {
    this.#answers.clear();
  }

  /** The credential of a principal for a server: the kept answer, or else the account's. */
  for(principal: Acting, server: ConnectedServer): Promise<CredentialAnswer> {
    return this.#answers.get(keyOf(principal.user.id, server.name)) ?? this.#ask(principal, server);
  }

  /**
   * The id of the connection with which a server is called; '' where users need none, or when there is none.
   */
  async accountAt(principal: Acting, server: ServerSetting): Promise<string> {
    if (!needsConnection(server)) return '';
    const credential = await this.for(principal, server);
    return credential.ok ? credential.value.connection : '';
  }

  /** Whether a connection is still the current one. True while the provider can't be reached, since it isn't known. */
  async isAccountStill(principal: Acting, server: ServerSetting, account: string): Promise<boolean> {
    if ((await this.accountAt(principal, server)) === account) return true;
    if (!needsConnection(server)) return false;
    const credential = await this.for(principal, server);
    return !credential.ok && credential.error.reason === 'provider_unavailable';
  }

  /** Renews a credential that the server has refused. `refused`: its id. Refused when it can't be renewed. */
  replace(principal: Acting, server: ConnectedServer, refused: string): Promise<CredentialAnswer> {
    return this.#ask(principal, server, refused);
  }

  /** Reports to the account that the server refuses a new credential. The person must connect again. */
  async giveUp(principal: Acting, server: ConnectedServer, refused: string): Promise<CredentialError> {
    const account = await findAccount(this.deployment, principal.user.id);
    await account?.credentialRefused(server.name, refused);
    const error: CredentialError = { reason: 'needs_reauthorization', detail: 'refused_by_server' };
    this.remember(principal.user.id, server.name, { ok: false, error });
    return error;
  }

  #ask(principal: Acting, server: ConnectedServer, refused?: string): Promise<CredentialAnswer> {
    const key = keyOf(principal.user.id, server.name);
    const answer = this.#askAccount(principal, server, refused);
    this.#answers.set(key, answer);
    // A failed call isn't kept.
    answer.catch(() => this.#answers.get(key) === answer && this.#answers.delete(key));
    return answer;
  }

  async #askAccount(principal: Acting, server: ConnectedServer, refused?: string): Promise<CredentialAnswer> {
    const account = await findAccount(this.deployment, principal.user.id);
    if (!account) return { ok: false, error: { reason: 'not_connected' } };
    return account.credential(wantedAt(this.deployment, server, refused));
  }
}

function keyOf(user: string, server: string): string {
  return `${user} ${server}`;
}
