import type { JSONRPCRequest } from '@modelcontextprotocol/server';
import { seconds } from '../../clock';
import { mergedResource } from '../../resource';
import { Serial } from '../../serial';
import type { SessionStore } from './store';

/*
 * A session whose client can't sign in (`UNAUTHENTICATED = "authorize_tool"`): it gets its credential as a device
 * does (RFC 8628), as a client of the gate's own endpoints. What it may do, how long, and that it can be revoked is
 * then as with every client. The person compares a code, so that a link sent to somebody else binds nothing unseen.
 */

/** For whom this deployment calls itself. */
export interface Asker {
  origin: string;
  /** The client's address, where it is known. */
  from?: string | undefined;
}

/** What the person has to open, and the code that they must find there. */
export interface Asked {
  link: string;
  code: string;
}

/** What is kept of it, sealed. Times are seconds since the epoch. */
interface Kept {
  client_id: string;
  pending?: { device_code: string; asked: Asked; until: number } | undefined;
  tokens?: { access_token: string; refresh_token: string | undefined; until: number } | undefined;
}

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
/** How often it is asked whether the person has answered, in ms. */
const POLL_MS = 2_000;
/** Seconds before its end at which an access token is taken for ended. */
const MARGIN = 30;

/** Why the person has to be asked again: all else is no answer of theirs, and passes. */
const OVER = ['access_denied', 'expired_token', 'invalid_grant', 'invalid_client'];

/** How a session without a credential comes to one. One thing is done after the other. */
export class SessionSignIn {
  readonly #serial = new Serial();

  /** `call`: calls an endpoint of this deployment, without the network; `signedIn`: is told once somebody has. */
  constructor(
    private readonly store: SessionStore,
    private readonly call: (request: Request) => Promise<Response>,
    private readonly signedIn: () => Promise<void> = async () => undefined,
  ) {}

  /** The link and code to show; the same again while the person may still be at it. */
  ask(asker: Asker, initialize: JSONRPCRequest | undefined): Promise<Asked> {
    return this.#serial.run('sign-in', () => this.#ask(asker, initialize));
  }

  /**
   * The session's access token, renewed if need be; undefined while nobody has signed in, or no longer. Throws when
   * it can't be told now.
   */
  token(asker: Asker): Promise<string | undefined> {
    return this.#serial.run('sign-in', () => this.#token(asker));
  }

  async #ask(asker: Asker, initialize: JSONRPCRequest | undefined): Promise<Asked> {
    const kept = await this.store.signIn<Kept>();
    if (kept?.pending && kept.pending.until > seconds()) return kept.pending.asked;
    const client_id = kept?.client_id ?? (await this.#register(asker, clientNameOf(initialize)));
    const resource = mergedResource(asker).url;
    const begun = await this.#post(asker, '/oauth/device_authorization', { client_id, resource });
    if (begun.device_code === undefined)
      throw new Error('Signing in is not possible just now. Try again later.');
    const asked = { link: String(begun.verification_uri_complete), code: String(begun.user_code) };
    const until = seconds() + Number(begun.expires_in);
    const pending = { device_code: String(begun.device_code), asked, until };
    await this.store.setSignIn({ ...kept, client_id, pending } satisfies Kept);
    return asked;
  }

  /** Whether somebody has signed in, and it has not been ended since. */
  async isSignedIn(): Promise<boolean> {
    return (await this.store.signIn<Kept>())?.tokens !== undefined;
  }

  /** Whether the person was asked and may still answer. */
  async isPending(): Promise<boolean> {
    const kept = await this.store.signIn<Kept>();
    return kept?.pending !== undefined && kept.pending.until > seconds();
  }

  /** Waits until the person has signed in; false when they didn't in time, or the session is over. */
  async untilSignedIn(asker: Asker, goesOn: () => boolean): Promise<boolean> {
    while (goesOn() && (await this.isPending())) {
      await scheduler.wait(POLL_MS);
      const token = goesOn() ? await this.token(asker).catch(() => undefined) : undefined;
      if (token !== undefined) return true;
    }
    return false;
  }

  async #token(asker: Asker): Promise<string | undefined> {
    const kept = await this.store.signIn<Kept>();
    if (kept?.tokens && kept.tokens.until - MARGIN > seconds()) return kept.tokens.access_token;
    if (kept?.tokens?.refresh_token !== undefined) {
      const { refresh_token } = kept.tokens;
      return this.#redeem(asker, kept, { grant_type: 'refresh_token', refresh_token });
    }
    if (!kept?.pending) return undefined;
    const { device_code } = kept.pending;
    return this.#redeem(asker, kept, { grant_type: DEVICE_CODE, device_code });
  }

  async #redeem(asker: Asker, kept: Kept, parameters: Record<string, string>): Promise<string | undefined> {
    const { client_id } = kept;
    const answer = await this.#post(asker, '/oauth/token', { client_id, ...parameters });
    if (typeof answer.access_token === 'string') {
      const { access_token, refresh_token, expires_in } = answer;
      const until = seconds() + Number(expires_in);
      const next = typeof refresh_token === 'string' ? refresh_token : undefined;
      await this.store.setSignIn({
        client_id,
        tokens: { access_token, refresh_token: next, until },
      } satisfies Kept);
      if (!kept.tokens) await this.signedIn();
      return access_token;
    }
    if (OVER.includes(String(answer.error))) await this.store.setSignIn({ client_id } satisfies Kept);
    else if (kept.tokens) throw new Error(`the session's credential could not be renewed: ${answer.error}`);
    return undefined;
  }

  async #register(asker: Asker, name: string): Promise<string> {
    const client_name = name.slice(0, 200);
    const metadata = {
      client_name,
      grant_types: [DEVICE_CODE, 'refresh_token'],
      token_endpoint_auth_method: 'none',
    };
    const answer = await this.#send(asker, '/oauth/register', JSON.stringify(metadata), {
      'content-type': 'application/json',
    });
    const { client_id } = (await answer.json()) as { client_id?: string };
    if (client_id === undefined) throw new Error('the session could not be registered as a client');
    return client_id;
  }

  async #post(
    asker: Asker,
    path: string,
    parameters: Record<string, string>,
  ): Promise<Record<string, unknown>> {
    const answer = await this.#send(asker, path, new URLSearchParams(parameters));
    return (await answer.json()) as Record<string, unknown>;
  }

  #send(
    { origin, from }: Asker,
    path: string,
    body: BodyInit,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const address = from === undefined ? {} : { 'cf-connecting-ip': from };
    const init = { method: 'POST', body, headers: { ...address, ...headers } };
    return this.call(new Request(`${origin}${path}`, init));
  }
}

/** What the client calls itself: nobody vouches for it. */
function clientNameOf(initialize: JSONRPCRequest | undefined): string {
  const { title, name } = (initialize?.params?.clientInfo ?? {}) as { title?: unknown; name?: unknown };
  return [title, name].find((one) => typeof one === 'string') ?? '';
}
