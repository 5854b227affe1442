import { seconds } from '../../clock';
import { type Deployment, readSecret, secretName } from '../../config';
import { sha256Hex } from '../../crypto';
import { enterPool, leavePool } from '../../flow';
import { mayPass, type Source } from '../../limits';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { ASSERTION_ALGORITHMS, type Client, type ClientAuthMethod } from '../protocol/client';
import { REGISTRATION_TTL } from '../protocol/library';
import { isBlocked } from './blocked';
import { type ClientDocumentRefusal, isClientDocumentUrl, resolveClientDocument } from './documents';

/** A registered client's record in KV, in the layout of `@cloudflare/workers-oauth-provider`. */
export interface ClientRecord {
  clientId: string;
  clientName?: string;
  redirectUris: string[];
  grantTypes?: string[];
  responseTypes?: string[];
  tokenEndpointAuthMethod: ClientAuthMethod;
  /** SHA-256 in hex. */
  clientSecret?: string;
  clientUri?: string;
  registrationDate?: number;
  registrationExpiresAt?: number;
  /** Ours, not the library's: a token was issued to it. */
  used?: true;
}

/** Why there is no such client. `client_blocked`: an admin blocked it. */
export type FindClientRefusal = Refusal<'client_unknown' | 'client_blocked'> | ClientDocumentRefusal;

/** The name of a registration without one. */
export const UNNAMED = 'Unnamed app';

/**
 * Finds a client: in `CLIENTS`, by the metadata document at the URL that is its id, or in KV. Refused as `client_unknown`,
 * as `client_blocked`, or as the document is, with its host as `detail`.
 *
 * @param from where the request came from: a fetched document counts against it
 */
export async function findClient(
  deployment: Deployment,
  client_id: string,
  from: Source,
): Promise<Result<Client, FindClientRefusal>> {
  if (await isBlocked(deployment.env, client_id)) return refuse('client_blocked');
  const configured = deployment.settings.clients.find((client) => client.client_id === client_id);
  if (configured) return ok(await fromSettings(deployment, configured));
  if (isClientDocumentUrl(client_id)) {
    const kv = deployment.env.OAUTH_KV;
    const now = seconds();
    const loopbackHosts = deployment.local ? deployment.settings.clientDocumentHosts : [];
    const resolved = await resolveClientDocument(client_id, {
      kv,
      loopbackHosts,
      now,
      mayAsk: (host) => mayPass({ var: { deployment }, env: deployment.env }, 'documents', host),
      makeRoom: async (key, expiresAt) => {
        const entered = await enterPool(deployment, 'documents', { id: key, from, expiresAt });
        for (const dropped of entered.ok ? entered.value : []) await kv.delete(dropped);
      },
    });
    return resolved.ok ? ok(resolved.value.client) : resolved;
  }
  if (!/^[\w.~-]{1,100}$/.test(client_id)) return refuse('client_unknown');
  const record = await deployment.env.OAUTH_KV.get<ClientRecord>(`client:${client_id}`, 'json');
  return record ? ok(fromRecord(record)) : refuse('client_unknown');
}

/**
 * Keeps a registration that is in use. With the first token it doesn't count as unused any more, and in the second half of
 * its time it is written again. Clients that nobody uses expire.
 */
export async function renewRegistration(deployment: Deployment, client: Client): Promise<void> {
  if (client.kind !== 'registered') return;
  const record = await deployment.env.OAUTH_KV.get<ClientRecord>(`client:${client.client_id}`, 'json');
  const left = (record?.registrationExpiresAt ?? 0) - Date.now() / 1000;
  if (!record || (record.used && left >= REGISTRATION_TTL / 2)) return;
  await storeRegistration(deployment, { ...record, used: true });
  if (!record.used) await leavePool(deployment, 'registrations', client.client_id);
}

/** Deletes a registration, unless it has been used meanwhile. */
export async function dropUnused(deployment: Deployment, client_id: string): Promise<void> {
  const record = await deployment.env.OAUTH_KV.get<ClientRecord>(`client:${client_id}`, 'json');
  if (record && !record.used) await deployment.env.OAUTH_KV.delete(`client:${client_id}`);
}

/** Writes a registration, with a new expiry. */
export async function storeRegistration(deployment: Deployment, record: ClientRecord): Promise<void> {
  const registrationExpiresAt = seconds() + REGISTRATION_TTL;
  const value = JSON.stringify({ ...record, registrationExpiresAt });
  await deployment.env.OAUTH_KV.put(`client:${record.clientId}`, value, { expirationTtl: REGISTRATION_TTL });
}

async function fromSettings(
  deployment: Deployment,
  client: Deployment['settings']['clients'][number],
): Promise<Client> {
  const secret = readSecret({ ...deployment.env }, secretName('CLIENT', client.client_id, 'SECRET'));
  return {
    client_id: client.client_id,
    kind: 'configured',
    name: client.name,
    redirect_uris: client.redirect_uris,
    auth_methods: [client.token_endpoint_auth_method],
    grant_types: client.grant_types,
    response_types: ['code'],
    ...assertionKeys(client),
    ...(secret === undefined ? {} : { secret_hash: await sha256Hex(secret) }),
    ...(client.scope === undefined ? {} : { scope: client.scope.split(' ').filter(Boolean) }),
  };
}

function assertionKeys({ jwks, jwks_uri }: Deployment['settings']['clients'][number]): Partial<Client> {
  const algorithms = [...ASSERTION_ALGORITHMS];
  if (jwks_uri !== undefined) return { assertion_keys: { jwks_uri, algorithms } };
  return jwks ? { assertion_keys: { jwks, algorithms } } : {};
}

function fromRecord(record: ClientRecord): Client {
  return {
    client_id: record.clientId,
    kind: 'registered',
    name: record.clientName || UNNAMED,
    redirect_uris: record.redirectUris,
    auth_methods: [record.tokenEndpointAuthMethod],
    grant_types: record.grantTypes ?? ['authorization_code', 'refresh_token'],
    response_types: record.responseTypes ?? ['code'],
    ...(record.clientSecret === undefined ? {} : { secret_hash: record.clientSecret }),
    ...(record.clientUri === undefined ? {} : { uri: record.clientUri }),
  };
}
