import type { Context } from 'hono';
import { accountOf } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { clientSettingOf, loopbackOrigins } from '../../upstream';

/** Ends a user's connection, at the provider too where it can be; false when there was none. */
export async function endConnection(c: Context, user: string, name: string): Promise<boolean> {
  const deployment = deploymentOf(c);
  const server = deployment.settings.servers.find((one) => one.name === name);
  const loopback = server ? loopbackOrigins(deployment, server) : [];
  const configured = server && clientSettingOf(server);
  const account = accountOf(deployment.env, user);
  const { existed, revoked } = await account.disconnect(name, loopback, configured);
  const detail = revoked ? 'revoked at the provider' : 'here only';
  if (existed) record(c, { event: 'connection_ended', outcome: 'ok', user, server: name, detail });
  return existed;
}
