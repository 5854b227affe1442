import { seconds } from '../../clock';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { KeyLimits } from '../keys/access-keys';
import type { Identity } from '../principal/identity';
import type { ProviderToken } from '../provider/provider';
import type { SignInRow } from '../sign-ins/sign-ins';
import type { AccountCore } from './core';

/** The browsers in which an account's person is signed in. */
export class AccountSignIns {
  readonly #core: Pick<
    AccountCore,
    'accessKeys' | 'disabled' | 'maintenance' | 'profile' | 'provider' | 'signIns'
  >;

  constructor(core: AccountCore) {
    this.#core = core;
  }

  /**
   * Signs a browser in, and stores who the person is according to the provider.
   *
   * @param browser `ttl`: seconds
   * @param token the provider's refresh token, to ask it again, if it gave one
   * @returns what the browser's cookie holds
   */
  async signIn(
    userId: string,
    identity: Identity,
    browser: { userAgent: string; ttl: number },
    token?: ProviderToken,
  ): Promise<{ id: string; secret: string }> {
    const { provider, signIns, maintenance } = this.#core;
    await provider.signedIn(userId, identity, token);
    const created = await signIns.create(browser.userAgent, seconds(), browser.ttl);
    await maintenance.afterCommit();
    return created;
  }

  /**
   * Who is signed in by a cookie, and with which access key, if they used one. Refused as `sign_in_ended` when the
   * sign-in was ended or has expired, its access key isn't valid any more, or the account is disabled.
   */
  async checkSignIn(
    id: string,
    secret: string,
  ): Promise<Result<{ identity: Identity; key: KeyLimits | undefined }, Refusal<'sign_in_ended'>>> {
    const { signIns, profile, accessKeys, disabled } = this.#core;
    if (disabled.since() !== undefined) return refuse('sign_in_ended');
    const now = seconds();
    const found = await signIns.find(id, secret, now);
    const identity = profile.identity();
    if (!found || !identity) return refuse('sign_in_ended');
    if (found.key_id === null) return ok({ identity, key: undefined });
    const key = accessKeys.standing(found.key_id, now);
    return key ? ok({ identity, key }) : refuse('sign_in_ended');
  }

  /** The browsers in which the person is signed in now, the latest first. */
  listSignIns(): SignInRow[] {
    return this.#core.signIns.list(seconds());
  }

  /** Signs one browser out. False when it wasn't signed in. */
  endSignIn(id: string): boolean {
    return this.#core.signIns.end(id);
  }
}
