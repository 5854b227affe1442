import type { Context } from 'hono';
import { z } from 'zod';
import { record } from '../../audit';
import { seconds } from '../../clock';
import { type Deployment, deploymentOf } from '../../config';
import { clientIdOf } from '../../crypto';
import { enterPool } from '../../flow';
import { decodeUtf8, NO_STORE, readBody } from '../../http';
import { type Source, sourceOf } from '../../limits';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { quotable } from '../../secret-text';
import { DEVICE_CODE, GRANT_TYPES, LIBRARY_GRANT_TYPES } from '../protocol/client';
import { REGISTRATION_TTL, registerWithLibrary } from '../protocol/library';
import { type ClientRecord, dropUnused, storeRegistration, UNNAMED } from './clients';
import { validateRedirectUris } from './redirect-uri';

const MAX_BYTES = 64 * 1024;

/** A client that signs has its keys in a metadata document. */
const AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post'] as const;

const text = z.string();
const metadataSchema = z.looseObject({
  client_name: text.max(200, 'client_name is longer than 200 characters').optional(),
  redirect_uris: z.array(text).optional(),
  grant_types: z.array(text).max(20).optional(),
  response_types: z.array(text).max(20).optional(),
  token_endpoint_auth_method: z.enum(AUTH_METHODS, `must be one of ${AUTH_METHODS.join(', ')}`).optional(),
  client_uri: text.optional(),
  logo_uri: text.optional(),
  policy_uri: text.optional(),
  tos_uri: text.optional(),
  jwks_uri: text.optional(),
  contacts: z.array(text).optional(),
});
type Metadata = z.infer<typeof metadataSchema>;

/** Why nothing is registered. One with a slash is the library's: `client-registration/…`. `detail` goes to the client. */
type RegistrationRefusal = Refusal<
  | 'wrong_type'
  | 'body_too_large'
  | 'body_unreadable'
  | 'metadata_invalid'
  | 'invalid_redirect_uri'
  | `${string}/${string}`
>;

/** A client as the answer to its registration describes it (RFC 7591 section 3.2.1). */
type ClientInformation = Record<string, unknown>;

/**
 * `POST /oauth/register` (RFC 7591 section 3): 201 with the client, or 400 with `invalid_redirect_uri` or
 * `invalid_client_metadata`. A public client that sends the same metadata again gets the same client.
 */
export async function register(c: Context): Promise<Response> {
  const registered = await registerClient(deploymentOf(c), c.req.raw, await sourceOf(c));
  if (registered.ok) {
    record(c, { event: 'client_registered', outcome: 'ok', client: String(registered.value.client_id) });
    return c.json(registered.value, 201, NO_STORE);
  }
  const { reason, detail } = registered.error;
  record(c, { event: 'client_registered', outcome: 'refused', reason, detail });
  return c.json(toRegistrationError(registered.error), 400, NO_STORE);
}

/** RFC 7591 section 3.2.2. */
function toRegistrationError({ reason, detail }: RegistrationRefusal) {
  const error = reason === 'invalid_redirect_uri' ? reason : 'invalid_client_metadata';
  return { error, error_description: detail ?? 'The client metadata is not valid' };
}

async function registerClient(
  deployment: Deployment,
  request: Request,
  from: Source,
): Promise<Result<ClientInformation, RegistrationRefusal>> {
  const read = await readMetadata(request);
  if (!read.ok) return read;
  const metadata = read.value;
  const asked = metadata.grant_types ?? [...LIBRARY_GRANT_TYPES];
  // A client without a browser needs no redirect URI (RFC 8628).
  const deviceOnly = asked.includes(DEVICE_CODE) && !asked.includes('authorization_code');
  if (deviceOnly && !metadata.redirect_uris?.length) return registerDevice(deployment, metadata, from);

  const redirects = validateRedirectUris(metadata.redirect_uris);
  if (!redirects.ok) return redirects;
  const accepted = await registerWithLibrary(deployment.origin, {
    ...metadata,
    client_name: nameOf(metadata),
    grant_types: asked.filter((type) => LIBRARY_GRANT_TYPES.includes(type)),
    response_types: ['code'],
  });
  if (!accepted.ok) return refuse(accepted.error.reason, accepted.error.error_description);
  const { answer } = accepted.value;
  // The library doesn't know all our grant types, and clients send all that the metadata advertises, and more.
  const more = GRANT_TYPES.filter((type) => asked.includes(type) && !LIBRARY_GRANT_TYPES.includes(type));
  const grant_types = [...(answer.grant_types as string[]), ...more];
  const registration = { ...(accepted.value.record as unknown as ClientRecord), grantTypes: grant_types };
  const stored = await store(deployment, registration, from);
  return ok({ ...answer, grant_types, ...issued(stored) });
}

async function readMetadata(request: Request): Promise<Result<Metadata, RegistrationRefusal>> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') return refuse('wrong_type', 'Content-Type must be application/json');
  const body = await readBody(request, MAX_BYTES);
  if (!body.ok) return refuse('body_too_large', `The metadata is larger than ${MAX_BYTES} bytes`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(decodeUtf8(body.value) ?? '');
  } catch {
    return refuse('body_unreadable', 'The body is not JSON');
  }
  const metadata = metadataSchema.safeParse(parsed);
  if (metadata.success) return ok(onlyTexts(metadata.data));
  const [issue] = metadata.error.issues;
  const path = issue?.path.join('.') ?? '';
  return refuse(
    path.startsWith('redirect_uris') ? 'invalid_redirect_uri' : 'metadata_invalid',
    quotable(`${path}: ${issue?.message}`, 200),
  );
}

/**
 * The metadata without members that are neither a text nor texts, which we don't know (RFC 7591 section 2). Such a member
 * may be nested too deeply to be written as JSON again.
 */
function onlyTexts(metadata: Metadata): Metadata {
  const isText = (value: unknown) => typeof value === 'string';
  const isTexts = (value: unknown) => isText(value) || (Array.isArray(value) && value.every(isText));
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => isTexts(value)));
}

async function registerDevice(
  deployment: Deployment,
  metadata: Metadata,
  from: Source,
): Promise<Result<ClientInformation, RegistrationRefusal>> {
  const method = metadata.token_endpoint_auth_method ?? 'none';
  if (method !== 'none') return refuse('metadata_invalid', 'A client without redirect_uris is a public one');
  const registration: ClientRecord = {
    clientId: '',
    clientName: nameOf(metadata),
    redirectUris: [],
    grantTypes: [DEVICE_CODE, 'refresh_token'],
    responseTypes: [],
    tokenEndpointAuthMethod: 'none',
    registrationDate: seconds(),
  };
  const stored = await store(deployment, registration, from);
  const { clientName: client_name, grantTypes: grant_types } = stored;
  return ok({
    client_name,
    grant_types,
    token_endpoint_auth_method: 'none',
    redirect_uris: [],
    ...issued(stored),
  });
}

/** Stores a client. A public one gets an id that is derived from its metadata, so an existing record stays. */
async function store(deployment: Deployment, client: ClientRecord, from: Source): Promise<ClientRecord> {
  if (client.tokenEndpointAuthMethod !== 'none') {
    await makeRoom(deployment, client.clientId, from);
    await storeRegistration(deployment, client);
    return client;
  }
  const { clientId: _, registrationDate: __, registrationExpiresAt: ___, ...metadata } = client;
  const redirectUris = client.redirectUris.map(withoutLoopbackPort).sort();
  const clientId = await clientIdOf(deployment.keyring, JSON.stringify({ ...metadata, redirectUris }));
  const standing = await deployment.env.OAUTH_KV.get<ClientRecord>(`client:${clientId}`, 'json');
  if (standing?.used) return standing;
  await makeRoom(deployment, clientId, from);
  if (standing) return standing;
  await storeRegistration(deployment, { ...client, clientId });
  return { ...client, clientId };
}

/**
 * Counts a registration that is not used yet. If there are too many, the oldest one of the same source is deleted, or of
 * the source that has the most. One that is in use never is.
 */
async function makeRoom(deployment: Deployment, id: string, from: Source): Promise<void> {
  const entered = await enterPool(deployment, 'registrations', {
    id,
    from,
    expiresAt: seconds() + REGISTRATION_TTL,
  });
  for (const dropped of entered.ok ? entered.value : []) await dropUnused(deployment, dropped);
}

function issued(client: ClientRecord) {
  return { client_id: client.clientId, client_id_issued_at: client.registrationDate };
}

/** Clients on this computer choose another port each time they start. */
function withoutLoopbackPort(uri: string): string {
  return uri.replace(/^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])):\d+/, '$1');
}

function nameOf({ client_name }: Metadata): string {
  return client_name?.replace(/\p{Cc}/gu, ' ').trim() || UNNAMED;
}
