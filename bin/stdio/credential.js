// @ts-check
import * as oauth from 'oauth4webapi';
import { kept, signInByDevice } from './device-flow.js';
import { oauthOptions, readServer } from './discovery.js';
import { Ending, EXIT } from './exit.js';
import { NetworkFailure } from './network.js';
import { say } from './say.js';
import { SignInStore } from './store.js';

/** @import { Credential, Run, StoredSignIn } from './types.ts' */

/** Errors of a token endpoint after which a sign-in can't be refreshed any more (RFC 6749 section 5.2). */
const OVER = ['invalid_grant', 'invalid_client', 'unauthorized_client'];

/**
 * The credential of the command line or the environment, which can't be renewed when it is rejected.
 * @param {Run} run
 * @returns {Credential}
 */
export function fixedCredential({ headers, credential }) {
  return {
    headers: async () => ({}),
    refused: async () => false,
    refusal: `the server rejected ${credential}: it is wrong, expired, revoked, or not for this URL`,
    secrets: () => Object.values(headers).flatMap((value) => [value, value.replace(/^\S+ /, '')]),
  };
}

/**
 * A person's sign-in, saved on this computer and refreshed before it expires.
 * @implements {Credential}
 */
export class SignIn {
  #url;
  #store;
  #scope;
  /** @type {StoredSignIn | undefined} */
  #current;
  /** @type {Promise<boolean> | undefined} */
  #renewing;
  /** @type {Promise<void> | undefined} */
  #signingIn;

  /**
   * @param {URL} url
   * @param {{ scope: string | undefined, config: string }} login
   */
  constructor(url, { scope, config }) {
    this.#url = url;
    this.#scope = scope;
    this.#store = new SignInStore(config, url);
    const command = `gatehouse-stdio ${url.href} --login`;
    this.refusal = `the sign-in has expired, or isn’t valid for this server. Run this in a terminal: ${command}`;
  }

  /** Makes sure that a person is signed in; throws an {@link Ending} otherwise. */
  async open() {
    const stored = await this.#store.read();
    const other = this.#scope !== undefined && stored?.asked !== this.#scope;
    this.#current = other ? undefined : stored;
    if (!this.#current || (isDue(this.#current) && !(await this.#renew(this.#current)))) await this.#signIn();
  }

  async headers() {
    if (this.#current && isDue(this.#current)) await this.#renewInTime(this.#current);
    if (!this.#current) throw new Ending(EXIT.refused, this.refusal);
    return { authorization: `Bearer ${this.#current.access_token}` };
  }

  /**
   * @param {Record<string, string>} used
   * @param {boolean} proven
   */
  async refused(used, proven) {
    const current = this.#current;
    if (current && used.authorization !== `Bearer ${current.access_token}`) return true;
    if (current && (await this.#renew(current))) return true;
    if (proven) return false;
    await this.#signIn();
    return true;
  }

  secrets() {
    const { access_token = '', refresh_token = '' } = this.#current ?? {};
    return [access_token, refresh_token];
  }

  /** Revokes the sign-in (RFC 7009) and deletes it. @returns {Promise<string>} what was done */
  async signOut() {
    return this.#store.locked(async () => {
      const stored = await this.#store.read();
      await this.#store.remove();
      if (!stored) return `you aren’t signed in to ${this.#url.href}`;
      const { issuer, client_id, refresh_token, access_token } = stored;
      const options = oauthOptions(this.#url);
      try {
        const server = await readServer(this.#url, issuer);
        await oauth
          .revocationRequest(server, { client_id }, oauth.None(), refresh_token ?? access_token, options)
          .then(oauth.processRevocationResponse);
      } catch {
        const says =
          'the sign-in was deleted here but couldn’t be revoked; revoke it on the server’s account page';
        throw new Ending(EXIT.unreachable, says);
      }
      return `signed out of ${this.#url.href}`;
    });
  }

  /** One code is shown, however many wait for it. */
  #signIn() {
    this.#signingIn ??= this.#showCode().finally(() => {
      this.#signingIn = undefined;
    });
    return this.#signingIn;
  }

  async #showCode() {
    // Checked before the person has to do something.
    await this.#store.ready();
    const before = this.#current?.access_token;
    this.#current = undefined;
    const elsewhere = async () => {
      const stored = await this.#store.read();
      return stored && stored.access_token !== before && stored.asked === this.#scope ? stored : undefined;
    };
    const signIn = await signInByDevice(this.#url, this.#scope, elsewhere);
    await this.#store.locked(() => this.#store.write(signIn));
    this.#current = signIn;
  }

  /**
   * If the refresh fails temporarily, a token that is still valid is used.
   * @param {StoredSignIn} current
   */
  async #renewInTime(current) {
    try {
      if (!(await this.#renew(current))) this.#current = undefined;
    } catch (error) {
      if (Date.now() / 1000 > (current.expires_at ?? 0)) throw error;
    }
  }

  /**
   * Gets a new token, once for all concurrent callers, also in other processes. Resolves to false when the sign-in has
   * ended; throws when that isn't known.
   * @param {StoredSignIn} stale
   * @returns {Promise<boolean>}
   */
  #renew(stale) {
    this.#renewing ??= this.#store
      .locked(() => this.#refresh(stale))
      .finally(() => {
        this.#renewing = undefined;
      });
    return this.#renewing;
  }

  /** @param {StoredSignIn} stale */
  async #refresh(stale) {
    const stored = await this.#store.read();
    if (!stored) return false;
    if (stored.access_token !== stale.access_token && !isDue(stored)) {
      this.#current = stored;
      return true;
    }
    const { refresh_token, client_id } = stored;
    if (refresh_token === undefined) return false;
    const options = { ...oauthOptions(this.#url), additionalParameters: { resource: stored.resource } };
    const client = { client_id };
    try {
      const server = await readServer(this.#url, stored.issuer);
      const tokens = await oauth
        .refreshTokenGrantRequest(server, client, oauth.None(), refresh_token, options)
        .then((response) => oauth.processRefreshTokenResponse(server, client, response));
      const next = { ...stored, ...kept(tokens, refresh_token) };
      await this.#store.write(next);
      this.#current = next;
      return true;
    } catch (error) {
      if (!(error instanceof oauth.ResponseBodyError) || !OVER.includes(error.error)) throw passing(error);
      say(`the sign-in has expired (${error.error})`);
      await this.#store.remove();
      return false;
    }
  }
}

/** @param {StoredSignIn} signIn */
function isDue({ renew_at }) {
  return renew_at !== undefined && Date.now() / 1000 >= renew_at;
}

/** @param {unknown} error */
function passing(error) {
  const says = error instanceof Error ? error.message : 'no answer';
  return new NetworkFailure('unsent', `the sign-in couldn’t be refreshed: ${says}`);
}
