// Types only: nothing here is loaded when the bridge runs.

/** A JSON-RPC message of the client's, read once. */
export interface Message {
  /** As it came, on one line. */
  text: string;
  kind: 'request' | 'notification' | 'response';
  /** A request's or response's. */
  id: string | number | undefined;
  method: string | undefined;
  params: Record<string, unknown>;
  /** The revision that its `_meta` claims, of the stateless era; undefined: the era with sessions. */
  version: string | undefined;
}

/** A JSON-RPC error, as the bridge makes them. */
export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** A request under way. */
export interface Exchange {
  message: Message;
  /** The bridge's, not the client's. */
  own: boolean;
  settled: boolean;
  cancelled: boolean;
  stop: AbortController;
  lastEventId: string;
  /** The session that its answer opened. */
  session: string | undefined;
  settle(text: string, answer: { result?: unknown; error?: unknown }): void;
}

/** How the bridge shows the server who it is. */
export interface Credential {
  /** The headers for the next request. Throws an `Ending` when there are none to be had. */
  headers(): Promise<Record<string, string>>;
  /**
   * The server answered 401 to a request with `used`. Resolves to whether to try again; `proven`: whether this
   * process has been let in before.
   */
  refused(used: Record<string, string>, proven: boolean): Promise<boolean>;
  /** What a person reads when that was the end. */
  readonly refusal: string;
  /** What must never be shown. */
  secrets(): readonly string[];
}

/** What the command line and the environment ask for. */
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
  /** What a refused credential is called. */
  credential: string;
  /** Milliseconds for which a server that can't be reached is tried again. */
  patience: number;
}

/** What a sign-in left on this computer, for one resource. */
export interface StoredSignIn {
  /** The URL that was signed in to. */
  url: string;
  /** What the tokens are for (RFC 8707), as the server's metadata spells it. */
  resource: string;
  issuer: string;
  client_id: string;
  access_token: string;
  refresh_token?: string | undefined;
  /** Seconds since the epoch; undefined: the server didn't say. */
  expires_at?: number | undefined;
  /** When to refresh; seconds since the epoch. */
  renew_at?: number | undefined;
  /** What `--scope` asked for. */
  asked?: string | undefined;
}
