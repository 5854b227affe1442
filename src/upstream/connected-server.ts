import type { ClientSetting, CredentialRequest, UpstreamCredential } from '../account';
import type { Deployment, ServerSetting } from '../config';
import { isLoopbackHost } from '../hosts';

/** A server at which each user has an account of their own. */
export type ConnectedServer = ServerSetting & { auth: UpstreamCredential['auth'] };

/** Whether users need an account of their own at a server (`auth` is `oauth` or `api_key`). */
export function needsConnection(server: ServerSetting): server is ConnectedServer {
  return server.auth === 'oauth' || server.auth === 'api_key';
}

/**
 * The location of a server: its URL, binding, or entrypoint. A credential is only sent to the location that it is
 * for.
 */
export function placeOf({ url, binding, entrypoint }: ServerSetting): string {
  return url ?? (binding === undefined ? `entrypoint:${entrypoint}` : `binding:${binding}`);
}

/** The OAuth client that the settings name for a server, as the `Account` needs it. */
export function clientSettingOf(
  server: Pick<ServerSetting, 'client_id' | 'token_url' | 'authorization_servers'>,
): ClientSetting {
  const { client_id, token_url: token_endpoint, authorization_servers: issuers } = server;
  return { client_id, token_endpoint, issuers };
}

/**
 * The request for a server's credential to the `Account`. `refused`: the id of a credential that the server refused.
 */
export function wantedAt(
  deployment: Pick<Deployment, 'local'>,
  server: ConnectedServer,
  refused?: string,
): CredentialRequest {
  return {
    server: server.name,
    auth: server.auth,
    place: placeOf(server),
    header: server.header,
    loopback: loopbackOrigins(deployment, server),
    client: clientSettingOf(server),
    ...(refused === undefined ? {} : { refused }),
  };
}

/**
 * The loopback origins that the settings of a server name, and that may be fetched. Empty except in local
 * development.
 */
export function loopbackOrigins(
  { local }: Pick<Deployment, 'local'>,
  server: Pick<ServerSetting, 'url' | 'authorize_url' | 'token_url' | 'authorization_servers'>,
): string[] {
  if (!local) return [];
  const named = [server.url, server.authorize_url, server.token_url, ...(server.authorization_servers ?? [])];
  const urls = named.filter((url) => url !== undefined).map((url) => new URL(url));
  return [...new Set(urls.filter(({ hostname }) => isLoopbackHost(hostname)).map(({ origin }) => origin))];
}
