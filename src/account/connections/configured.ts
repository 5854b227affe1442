import { sameIssuer } from '../../issuer';
import type { ClientSetting, OAuthCredential } from './credential';

/*
 * Clients that the operator registered by hand at a server's authorization server. The secret of such a client is a
 * Worker secret, and is sent to the authorization server that issued it and to no other.
 */

/**
 * Whether a credential of a configured client came from another client, or another authorization server, than the
 * settings name now. Then the secret in the settings isn't that client's.
 *
 * @param configured undefined when the server was removed from the settings: then nothing can be compared
 */
export function isOfAnotherClient(
  { client, provider }: Pick<OAuthCredential, 'client' | 'provider'>,
  configured: ClientSetting | undefined,
): boolean {
  if (client.kind !== 'configured' || configured === undefined) return false;
  const { client_id, token_endpoint, issuers } = configured;
  if (client.client_id !== client_id) return true;
  if (token_endpoint !== undefined) return provider.token_endpoint !== token_endpoint;
  const { issuer } = provider;
  if (issuer === null) return true;
  return issuer !== undefined && issuers !== undefined && !issuers.some((one) => sameIssuer(one, issuer));
}
