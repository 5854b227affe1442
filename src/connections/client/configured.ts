import { type Deployment, readSecret, type ServerSetting, secretName } from '../../config';
import { sha256Hex } from '../../crypto';
import { sameIssuer } from '../../issuer';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { placeOf } from '../../upstream';
import type { Provider } from '../discovery/discovery';

/*
 * A client that the operator registered by hand. Its id and secret belong to one authorization server, and the MCP
 * server must not be able to change which one that is.
 */

/** The secret that the operator set for a configured client; undefined when there is none. */
export function configuredSecret(deployment: Pick<Deployment, 'env'>, server: string): string | undefined {
  return readSecret({ ...deployment.env }, secretName('SERVER', server, 'CLIENT_SECRET'));
}

/**
 * Whether a server's `client_id` may be used at this provider. Where the settings name endpoints or
 * `authorization_servers`, discovery has followed them; else only at the issuer where it was first used, which is kept
 * in KV. Refused as `issuer_changed`.
 */
export async function checkIssuer(
  deployment: Pick<Deployment, 'env'>,
  server: ServerSetting,
  { issuer }: Pick<Provider, 'issuer'>,
): Promise<Result<null, Refusal<'issuer_changed'>>> {
  if (issuer === undefined || server.authorization_servers) return ok(null);
  const hash = await sha256Hex([server.name, placeOf(server), server.client_id].join('\n'));
  const key = `upstream-issuer:${hash}`;
  const first = await deployment.env.OAUTH_KV.get(key);
  if (first === null) await deployment.env.OAUTH_KV.put(key, issuer);
  return first === null || sameIssuer(first, issuer)
    ? ok(null)
    : refuse('issuer_changed', 'authorization_servers says which is right');
}
