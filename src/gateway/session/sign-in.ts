import type { JSONRPCRequest } from '@modelcontextprotocol/server';
import { seconds } from '../../clock';
import type { SessionStore } from './store';

/*
 * A session whose client can't sign in (`UNAUTHENTICATED = "authorize_tool"`): it gets its credential as a device
 * does (RFC 8628), as a client of the gate's own endpoints. What it may do, how long, and that it can be revoked is
 * then as with every client. The person compares a code, so that a link sent to somebody else binds nothing unseen.
 */

/** Calls an endpoint of this deployment, without the network. */
export type CallSelf = (path: string, init: RequestInit) => Promise<Response>;

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

/** How a session without a credential comes to one. */
export class SessionSignIn {
  constructor(
    private readonly store: SessionStore,
    private readonly call: CallSelf,
  ) {}

  /** The link and code to show; the same again while the person may still be at it. */
  async ask(initialize: JSONRPCRequest | undefined, resource: string): Promise<Asked> {
    const kept = await this.store.signIn<Kept>();
    if (kept?.pending && kept.pending.until > seconds()) return kept.pending.asked;
    const client_id = kept?.client_id ?? (await this.#register(clientNameOf(initialize)));
    const begun = await this.#post('/oauth/device_authorization', { client_id, resource });
    const asked = { link: String(begun.verification_uri_complete), code: String(begun.user_code) };
    const until = seconds() + Number(begun.expires_in);
    const pending = { device_code: String(begun.device_code), asked, until };
    await this.store.setSignIn({ ...kept, client_id, pending } satisfies Kept);
    return asked;
  }

  /** Whether the person was asked and may still answer. */
  async isPending(): Promise<boolean> {
    const kept = await this.store.signIn<Kept>();
    return kept?.pending !== undefined && kept.pending.until > seconds();
  }

  /** Waits until the person has signed in; false when they didn't in time, or the session is over. */
  async untilSignedIn(goesOn: () => boolean): Promise<boolean> {
    while (goesOn() && (await this.isPending())) {
      await scheduler.wait(POLL_MS);
      if (goesOn() && (await this.token()) !== undefined) return true;
    }
    return false;
  }

  /** The session's access token, renewed if need be; undefined while nobody has signed in, or no longer. */
  async token(): Promise<string | undefined> {
    const kept = await this.store.signIn<Kept>();
    if (kept?.tokens && kept.tokens.until - MARGIN > seconds()) return kept.tokens.access_token;
    if (kept?.tokens?.refresh_token !== undefined) {
      const { refresh_token } = kept.tokens;
      return this.#redeem(kept, { grant_type: 'refresh_token', refresh_token });
    }
    if (!kept?.pending) return undefined;
    return this.#redeem(kept, { grant_type: DEVICE_CODE, device_code: kept.pending.device_code });
  }

  async #redeem(kept: Kept, parameters: Record<string, string>): Promise<string | undefined> {
    const { client_id } = kept;
    const answer = await this.#post('/oauth/token', { client_id, ...parameters });
    if (typeof answer.access_token === 'string') {
      const { access_token, refresh_token, expires_in } = answer;
      const until = seconds() + Number(expires_in);
      const next = typeof refresh_token === 'string' ? refresh_token : undefined;
      await this.store.setSignIn({
        client_id,
        tokens: { access_token, refresh_token: next, until },
      } satisfies Kept);
      return access_token;
    }
    // Denied, expired or revoked: the tool asks anew.
    const waits = answer.error === 'authorization_pending' || answer.error === 'slow_down';
    if (!waits) await this.store.setSignIn({ client_id } satisfies Kept);
    return undefined;
  }

  async #register(name: string): Promise<string> {
    const client_name = name.slice(0, 200);
    const metadata = {
      client_name,
      grant_types: [DEVICE_CODE, 'refresh_token'],
      token_endpoint_auth_method: 'none',
    };
    const headers = { 'content-type': 'application/json' };
    const answer = await this.call('/oauth/register', {
      method: 'POST',
      headers,
      body: JSON.stringify(metadata),
    });
    const { client_id } = (await answer.json()) as { client_id?: string };
    if (client_id === undefined) throw new Error('the session could not be registered as a client');
    return client_id;
  }

  async #post(path: string, parameters: Record<string, string>): Promise<Record<string, unknown>> {
    const answer = await this.call(path, { method: 'POST', body: new URLSearchParams(parameters) });
    return (await answer.json()) as Record<string, unknown>;
  }
}

/** What the client calls itself: nobody vouches for it. */
function clientNameOf(initialize: JSONRPCRequest | undefined): string {
  const { title, name } = (initialize?.params?.clientInfo ?? {}) as { title?: unknown; name?: unknown };
  return String(title ?? name ?? '');
}
