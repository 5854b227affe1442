// Only types: this file isn't loaded when the bridge runs.

/** A JSON-RPC message from the client, parsed once. */
export interface Message {
  /** The text as it was received, on one line. */
  text: string;
  kind: 'request' | 'notification' | 'response';
  /** Of a request or response. */
  id: string | number | undefined;
  method: string | undefined;
  params: Record<string, unknown>;
  /** The revision that its `_meta` names, in the stateless era; undefined in the era with sessions. */
  version: string | undefined;
}

/** A JSON-RPC error, as the bridge makes them. */
export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** A pending request. */
export interface Exchange {
  message: Message;
  /** Whether it is the bridge's own, not the client's. */
  own: boolean;
  settled: boolean;
  cancelled: boolean;
  stop: AbortController;
  lastEventId: string;
  /** The id of the session that its answer opened. */
  session: string | undefined;
  settle(text: string, answer: { result?: unknown; error?: unknown }): void;
}

/** How the bridge authenticates to the server. */
export interface Credential {
  /** The headers for the next request. Throws an `Ending` when there is no credential. */
  headers(): Promise<Record<string, string>>;
  /**
   * The server answered 401 to a request with the headers `used`. Resolves to whether to try again. `proven`: whether
   * the server has accepted this process before.
   */
  refused(used: Record<string, string>, proven: boolean): Promise<boolean>;
  /** The message for the person when the credential was rejected for good. */
  readonly refusal: string;
  /** Texts that must never be shown. */
  secrets(): readonly string[];
}

/** What the command line and the environment say to do. */
export type Command =
  | { kind: 'help' }
  | { kind: 'version' }
  | { kind: 'wrong'; code: number; says: string }
  | { kind: 'logout'; url: URL; config: string }
  | Run;

export interface Run {
  kind: 'run';
  url: URL;
  /** Sent with every request to the server. */
  headers: Record<string, string>;
  /** Sign in by the device flow; undefined: the headers are the credential. */
  login: { scope: string | undefined; config: string } | undefined;
  /** How messages call the credential. */
  credential: string;
  /** Milliseconds for which a server that can't be reached is retried. */
  patience: number;
}

/** A sign-in saved on this computer, for one resource. */
export interface StoredSignIn {
  /** The URL that the sign-in is for. */
  url: string;
  /** The resource of the tokens (RFC 8707), as the server's metadata spells it. */
  resource: string;
  issuer: string;
  client_id: string;
  access_token: string;
  refresh_token?: string | undefined;
  /** Seconds since the epoch; undefined: the server didn't say. */
  expires_at?: number | undefined;
  /** When to refresh; seconds since the epoch. */
  renew_at?: number | undefined;
  /** The scope of `--scope`. */
  asked?: string | undefined;
}
