import { OAuthError, selectClientAuthMethod } from '@modelcontextprotocol/client';
import { isSendable, type ProviderClient, type TokenProvider } from '../../account';
import type { ProviderBehavior } from '../discovery/profiles';

/* Client authentication at the endpoints of a provider (RFC 6749 section 2.3.1). */

/** A client, its secret if it has one, and how it authenticates. */
export interface ClientAuthentication {
  client_id: string;
  client_secret: string | undefined;
  method: 'client_secret_basic' | 'client_secret_post' | 'none';
}

/** Adds what authenticates the client to a request, in the form of the SDK's `addClientAuthentication`. */
export type Authenticate = (headers: Headers, body: URLSearchParams) => void;

/** How a client authenticates: as the settings or its profile say, else as it was registered and the metadata allows. */
export function authenticationOf(
  client: ProviderClient,
  secret: string | undefined,
  { token_endpoint_auth_methods_supported: methods = [] }: TokenProvider,
  { token_endpoint_auth_method }: ProviderBehavior,
): ClientAuthentication {
  const { client_id } = client;
  const configured = client.kind === 'configured' ? token_endpoint_auth_method : undefined;
  const method = configured ?? client.token_endpoint_auth_method;
  const information = {
    client_id,
    ...(secret === undefined ? {} : { client_secret: secret }),
    ...(method === undefined ? {} : { token_endpoint_auth_method: method }),
  };
  const chosen = selectClientAuthMethod(information, configured === undefined ? methods : [configured]);
  return {
    client_id,
    client_secret: secret,
    method: chosen === 'client_secret_basic' && !secret ? 'none' : chosen,
  };
}

/**
 * Sends a request as this client. For `client_secret_basic`, id and secret are form-encoded first, as RFC 6749 section
 * 2.3.1 requires. Some providers don't decode them: if one answers `invalid_client`, and encoding made a difference, the
 * request is sent once more with the plain texts. A client that wasn't authenticated used up nothing.
 */
export async function sendAs<T>(
  authentication: ClientAuthentication,
  send: (authenticate: Authenticate) => Promise<T>,
): Promise<T> {
  const { client_id, client_secret = '', method } = authentication;
  const plain = `${client_id}${client_secret}`;
  const encodes = method === 'client_secret_basic' && isSendable(plain) && formEncode(plain) !== plain;
  try {
    return await send(authenticateBy(authentication, formEncode));
  } catch (error) {
    if (!encodes || !(error instanceof OAuthError) || String(error.code) !== 'invalid_client') throw error;
    return send(authenticateBy(authentication, (text) => text));
  }
}

function authenticateBy(
  { client_id, client_secret = '', method }: ClientAuthentication,
  encode: (text: string) => string,
): Authenticate {
  return (headers, body) => {
    if (method === 'client_secret_basic') {
      headers.set('authorization', `Basic ${btoa(`${encode(client_id)}:${encode(client_secret)}`)}`);
      return;
    }
    body.set('client_id', client_id);
    if (method === 'client_secret_post' && client_secret !== '') body.set('client_secret', client_secret);
  };
}

/** A text as `application/x-www-form-urlencoded` (RFC 6749 appendix B). */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
