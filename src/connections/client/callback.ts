import type { Deployment, ServerSetting } from '../../config';
import { callbackIdOf } from '../../crypto';
import { type DiscoveryRefusal, findProvider, type Provider } from '../discovery/discovery';

/*
 * Where providers send browsers back. Each server has its own callback at each authorization server, so that an answer
 * of one can't be used for another (RFC 9700 section 4.4.2.2). The shared callback is only for answers that name their
 * issuer (section 4.4.2.1).
 */

/** The callback shared by servers whose client is registered by hand and whose provider sends `iss`. */
export const CALLBACK_PATH = '/connect/callback';

export interface Callback {
  url: string;
  /** The last part of the path; undefined for the shared callback. */
  id: string | undefined;
}

/** The callback of a server at its provider: the `redirect_uri` of registrations and requests, where answers arrive. */
export async function callbackFor(
  deployment: Pick<Deployment, 'origin' | 'keyring'>,
  { name, client_id }: Pick<ServerSetting, 'name' | 'client_id'>,
  { issuer, tellsIssuer }: Pick<Provider, 'issuer' | 'tellsIssuer'>,
): Promise<Callback> {
  const shared = `${deployment.origin}${CALLBACK_PATH}`;
  if (client_id !== undefined && tellsIssuer) return { url: shared, id: undefined };
  // A client is registered by hand before the gate knows the issuer.
  const id = await callbackIdOf(deployment.keyring, name, client_id === undefined ? issuer : undefined);
  return { url: `${shared}/${id}`, id };
}

/** The URL of the callback with this id. */
export function callbackUrl({ origin }: Pick<Deployment, 'origin'>, id: string): string {
  return `${origin}${CALLBACK_PATH}/${id}`;
}

/** What to register by hand. `problem`: why it isn't known whether the shared callback can be used. */
export interface ListedCallback {
  server: string;
  client_id: string | undefined;
  issuer: string | undefined;
  redirect_uri: string;
  problem: DiscoveryRefusal | undefined;
}

/** The callback of each server with `auth = "oauth"`, as it is when the settings name a `client_id` for it. */
export function listCallbacks(deployment: Deployment): Promise<ListedCallback[]> {
  const servers = deployment.settings.servers.filter(({ auth }) => auth === 'oauth');
  return Promise.all(
    servers.map(async (server) => {
      const { name, client_id } = server;
      const found = await findProvider(deployment, server);
      const provider = found.ok ? found.value : { issuer: undefined, tellsIssuer: false };
      const { url } = await callbackFor(deployment, { name, client_id: client_id ?? '' }, provider);
      const problem = found.ok ? undefined : found.error.reason;
      return { server: name, client_id, issuer: provider.issuer, redirect_uri: url, problem };
    }),
  );
}
