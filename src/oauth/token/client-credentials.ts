import type { Context } from 'hono';
import { CLIENT_PROVIDER } from '../../account';
import { seconds } from '../../clock';
import { deploymentOf } from '../../config';
import { refuse } from '../../result';
import type { Client } from '../protocol/client';
import type { AuthenticatedRequest, TokenResponse } from '../protocol/token-request';
import { issueToServiceAccount, planServiceAccount } from './service-account';

/**
 * `grant_type` client_credentials (RFC 6749 section 4.4): a client of `CLIENTS` as a service account of its own. It gets no
 * refresh token, since it can ask again with its credentials.
 */
export async function clientCredentials(
  c: Context,
  { client, method, form }: AuthenticatedRequest & { client: Client },
): Promise<TokenResponse> {
  const deployment = deploymentOf(c);
  const { client_id, name } = client;
  const { clients } = deployment.settings;
  if (!clients.some(({ grant_types }) => grant_types.includes('client_credentials'))) {
    return refuse('grant_type_unknown');
  }
  const setting = clients.find((one) => one.client_id === client_id);
  if (!setting?.grant_types.includes('client_credentials') || method === 'none') {
    return refuse('grant_type_not_registered');
  }
  const identity = {
    provider: CLIENT_PROVIDER,
    issuer: CLIENT_PROVIDER,
    subject: client_id,
    name,
    email: undefined,
    email_verified: false,
    groups: [],
    claims: {},
  };
  const expires_at = seconds() + deployment.settings.tokens.access;
  const { servers } = setting;
  const service = { identity, client: { client_id, name, domain: undefined }, servers, expires_at };
  const plan = planServiceAccount(deployment, { ...service, scope: client.scope }, form);
  return plan.ok ? issueToServiceAccount(deployment, plan.value) : plan;
}
