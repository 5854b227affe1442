import type { Result } from '../../result';
import type { Scope } from '../principal/scopes';
import type { IssuedTokens, IssuerRefusal } from './token-result';

/**
 * Issues codes and tokens, as `grant:` and `token:` records. `src/oauth/protocol/library.ts` does it with the library.
 * `src/index.ts` gives it to the `Account`, which decides when it is called (once per code and once per rotation) and
 * what is stored of the records.
 */
export interface Issuer {
  /** Makes a grant and its code. Returns the redirect to the client, with code, state and `iss` (RFC 9207). */
  authorize(records: IssuerRecords, config: IssuingConfig, approval: IssuedApproval): Promise<string>;
  /**
   * Answers a token request (RFC 6749 sections 4.1.3 and 6, RFC 8693) whose client is already authenticated. `form`: its
   * parameters.
   */
  token(
    records: IssuerRecords,
    config: IssuingConfig,
    form: Record<string, string>,
  ): Promise<Result<IssuedTokens, IssuerRefusal>>;
}

/** The records that an issuer reads and writes: values are JSON, keys and values in the library's layout. */
export interface IssuerRecords {
  /** Undefined: there is none, or it has ended. */
  read(key: string): Promise<string | undefined>;
  /** When a record ends is decided where it is stored. */
  write(key: string, value: string, metadata?: unknown): Promise<void>;
}

/** What the issuer needs to know of the deployment and of the client that the request is about. */
export interface IssuingConfig {
  /** The issuer, an origin. */
  origin: string;
  /** All resources that tokens can be for. */
  resources: string[];
  /** Seconds that an access token lives. */
  accessTtl: number;
  client: IssuingClient;
  /** True: no refresh token comes with the access token. */
  withoutRefresh?: boolean;
}

/** What issuing needs to know of a client, which is verified. */
export interface IssuingClient {
  client_id: string;
  redirect_uris: string[];
  grant_types: string[];
  response_types: string[];
}

/** An authorization request that passed all checks (RFC 6749 section 4.1.1, RFC 7636, RFC 8707). */
export interface CheckedRequest {
  client_id: string;
  redirect_uri: string;
  state: string;
  code_challenge: string;
  resource: string;
}

/** What {@link Issuer.authorize} puts into the grant. */
export interface IssuedApproval {
  userId: string;
  request: CheckedRequest;
  scope: Scope[];
  /** Encrypted in the grant, for tools that read the library's layout. */
  props: object;
  metadata: object;
}
