import type { CheckedRequest, IssuingClient, Scope } from '../../account';
import type { Deployment, Role } from '../../config';
import type { FlowData } from '../../flow';
import type { Source } from '../../limits';
import type { SignedIn } from '../../sign-in';
import type { CheckedRedirectUri } from '../clients/redirect-uri';
import type { RequestSource } from '../device/request-source';
import type { Client } from '../protocol/client';

/** A request of `GET /authorize` as it arrived: nothing of it is known to be right. */
export interface ReceivedRequest {
  deployment: Deployment;
  /** Where it came from: whose share a client metadata document takes that is fetched for it. */
  from: Source;
  /** The query with its `?`. */
  query: string;
  /** The parameters as they were sent. */
  sent: URLSearchParams;
  /** The parameters with a value: those without one count as left out (RFC 6749 section 3.1). */
  given: URLSearchParams;
}

/**
 * A request whose client is known and whose redirect URI is that client's own. Only such a request may be
 * refused to the client (RFC 6749 section 4.1.2.1).
 */
export interface RedirectableRequest extends ReceivedRequest {
  client: Client;
  redirect_uri: CheckedRedirectUri;
  /** Empty: none was sent, or several. */
  state: string;
}

/** An authorization request that passed every check, ready to be asked about. */
export interface AuthorizationRequest {
  request: CheckedRequest;
  client: Client;
  /** The scopes that the client asked for, with those that they include. */
  asked: Scope[];
}

/** What an authorization flow keeps, sealed. */
export interface AuthorizationFlow extends FlowData, AuthorizationRequest {
  /** The device that asks, where nobody is sent back to a client. */
  device?: { id: string; user_code: string; code_verifier: string; from: RequestSource };
}

/** A signed-in person who has a role. */
export type Person = SignedIn & { role: Role };

/** A client as much as issuing needs of it. */
export function issuingClient(client: Client): IssuingClient {
  const { client_id, redirect_uris, grant_types, response_types } = client;
  return { client_id, redirect_uris, grant_types, response_types };
}
