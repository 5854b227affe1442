import type { JSONRPCRequest } from '@modelcontextprotocol/server';
import { seconds } from '../../clock';
import { mergedResource } from '../../resource';
import { Serial } from '../../serial';
import type { SessionStore } from './store';

/*
 * A session whose client can't sign in (`UNAUTHENTICATED = "authorize_tool"`) gets its credential as a device does (RFC
 * 8628): it is a client of the gate's own endpoints. So scopes, lifetime, and revocation work as for every client. The
 * person compares a code, so that a link that was sent to somebody else can't be approved by mistake.
 */

/** The deployment, and the client for which its own endpoints are called. */
export interface Asker {
  origin: string;
  /** The client's address, where it is known. */
  from?: string | undefined;
}

/** The link that the person opens, and the code that they must see there. */
export interface Asked {
  link: string;
  code: string;
}

/** The state of the sign-in, which is stored sealed. Times are seconds since the epoch. */
interface Kept {
  client_id: string;
  pending?: { device_code: string; asked: Asked; until: number } | undefined;
  tokens?: { access_token: string; refresh_token: string | undefined; until: number } | undefined;
}

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
/** The interval between polls for the person's answer, in ms. */
const POLL_MS = 2_000;
/** An access token is renewed this many seconds before it expires. */
const MARGIN = 30;

/** The errors after which the person must sign in again. All other errors are temporary. */
const OVER = ['access_denied', 'expired_token', 'invalid_grant', 'invalid_client'];

/** How a session without a credential gets one. Calls run one after the other. */
export class SessionSignIn {
  readonly #serial = new Serial();

  /**
   * @param call calls an endpoint of this deployment, without the network
   * @param signedIn called once, when a person has signed in
   */
  constructor(
    private readonly store: SessionStore,
    private readonly call: (request: Request) => Promise<Response>,
    private readonly signedIn: () => Promise<void> = async () => undefined,
  ) {}

  /**
   * The link and code to show. They stay the same while the person may still use them. `initialize`: names the client.
   *
   * @throws when the gate's own endpoints refuse the registration or the request
   */
  ask(asker: Asker, initialize: JSONRPCRequest | undefined): Promise<Asked> {
    return this.#serial.run('sign-in', () => this.#ask(asker, initialize));
  }

  /**
   * The session's access token, renewed when it is about to expire. Undefined while nobody has signed in, or after the
   * grant has ended.
   *
   * @throws when the token can't be renewed at the moment
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

  /** Whether a person has signed in, and the grant hasn't ended since. */
  async isSignedIn(): Promise<boolean> {
    return (await this.store.signIn<Kept>())?.tokens !== undefined;
  }

  /** Whether there is a link that the person may still use. */
  async isPending(): Promise<boolean> {
    const kept = await this.store.signIn<Kept>();
    return kept?.pending !== undefined && kept.pending.until > seconds();
  }

  /** Waits until the person has signed in. False when they didn't in time, or when the session has ended (`goesOn`). */
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

/** The client's name as it gives it, unverified; '' without one. */
function clientNameOf(initialize: JSONRPCRequest | undefined): string {
  const { title, name } = (initialize?.params?.clientInfo ?? {}) as { title?: unknown; name?: unknown };
  return [title, name].find((one) => typeof one === 'string') ?? '';
}
