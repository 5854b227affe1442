import { type CredentialAnswer, findAccount } from '../account';
import type { Deployment, RequestContext, ServerSetting } from '../config';
import { type ConnectedServer, needsConnection, wantedAt } from './connected-server';

/** Why there is no credential, with the seconds to wait where that helps. */
export type CredentialError = Extract<CredentialAnswer, { ok: false }>['error'];

/** Whose credential it is. */
type Acting = { user: { id: string } };

declare module 'hono' {
  interface ContextVariableMap {
    credentials: RequestCredentials;
  }
}

/** The context of a request in whose course servers are called: it brings the credentials for them. */
export interface UpstreamContext extends RequestContext {
  var: RequestContext['var'] & { credentials: RequestCredentials };
}

/** The credentials that a request brings. */
export function credentialsOf({ var: { credentials } }: Pick<UpstreamContext, 'var'>): RequestCredentials {
  return credentials;
}

/**
 * The users' own credentials for servers, as long as one request: each is asked for once, and goes along in the
 * request's context. They are beside the principal, not in it: principals are handed to entrypoints and written into
 * tokens.
 */
export class RequestCredentials {
  readonly #answers = new Map<string, Promise<CredentialAnswer>>();

  constructor(private readonly deployment: Pick<Deployment, 'env' | 'keyring' | 'local'>) {}

  /** Keeps what the account of a user answered in the call that authenticated the request. */
  remember(user: string, server: string, answer: CredentialAnswer): void {
    this.#answers.set(keyOf(user, server), Promise.resolve(answer));
  }

  /** Forgets all answers, for work that outlives its request: they may be out of date. */
  forget(): void {
    this.#answers.clear();
  }

  /** The credential of a principal for a server: the known answer, or else what the account says now. */
  for(principal: Acting, server: ConnectedServer): Promise<CredentialAnswer> {
    return this.#answers.get(keyOf(principal.user.id, server.name)) ?? this.#ask(principal, server);
  }

  /**
   * The id of the connection in whose name a server is called; '' where users have none of their own, or this one
   * has none.
   */
  async accountAt(principal: Acting, server: ServerSetting): Promise<string> {
    if (!needsConnection(server)) return '';
    const credential = await this.for(principal, server);
    return credential.ok ? credential.value.connection : '';
  }

  /** Whether that is the connection there still. While its provider can't be asked, it counts as the same. */
  async isAccountStill(principal: Acting, server: ServerSetting, account: string): Promise<boolean> {
    if ((await this.accountAt(principal, server)) === account) return true;
    if (!needsConnection(server)) return false;
    const credential = await this.for(principal, server);
    return !credential.ok && credential.error.reason === 'provider_unavailable';
  }

  /** Another credential in the place of one that the server has just refused (its id): renewed, or refused for good. */
  replace(principal: Acting, server: ConnectedServer, refused: string): Promise<CredentialAnswer> {
    return this.#ask(principal, server, refused);
  }

  /** Tells the account that the server refuses a credential though it is new: the person must connect again. */
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
    // A call that failed is no answer.
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
