import { seconds } from '../../clock';
import type { Deployment } from '../../config';
import { sha256Hex, timingSafeEqual } from '../../crypto';
import { claimOnce } from '../../flow';
import { decodeUtf8 } from '../../http';
import type { Source } from '../../limits';
import { ok, type Refusal, type Result } from '../../result';
import type { Client, ClientAuthMethod } from '../protocol/client';
import { CLOCK_SKEW } from '../protocol/jwt';
import { claimedIssuer, verifyClientAssertion } from './assertion';
import { findClient } from './clients';

/**
 * A client that proved who it is, and the request's parameters without its credentials and without those that
 * have no value, which count as left out (RFC 6749 section 3.2).
 */
export interface AuthenticatedClient {
  client: Client;
  method: ClientAuthMethod;
  form: Record<string, string>;
}

/** Why not, as RFC 6749 section 5.2 has it; `challenge`: it tried HTTP authentication. */
export interface ClientAuthRefusal extends Refusal {
  error: 'invalid_client' | 'invalid_request';
  error_description: string;
  challenge: boolean;
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

interface Credentials {
  method: ClientAuthMethod;
  client_id: string;
  secret?: string;
  /** The secret of a header as it stands there. */
  verbatim?: string;
}

/**
 * Authenticates the client of a request to the token, revocation or introspection endpoint (RFC 6749
 * section 2.3, RFC 7523 section 3): by exactly one method, one that the client registered.
 */
export async function authenticateClient(
  deployment: Deployment,
  request: Request,
  parameters: URLSearchParams,
  from: Source,
): Promise<Result<AuthenticatedClient, ClientAuthRefusal>> {
  const header = request.headers.get('authorization');
  const credentials = readCredentials(header, parameters);
  const challenge = header !== null;
  if ('error' in credentials) return { ok: false, error: credentials };

  const found = await findClient(deployment, credentials.client_id, from);
  if (!found.ok) return refusal('Client not found', { ...found.error, challenge });
  const client = found.value;
  if (!client.auth_methods.includes(credentials.method)) {
    const detail = `${client.client_id} used ${credentials.method}`;
    return refusal('Client authentication failed', {
      reason: 'client_auth_method_mismatch',
      detail,
      challenge,
    });
  }
  const proven = await isProven(deployment, client, credentials);
  if (!proven.ok) return refusal('Client authentication failed', { ...proven.error, challenge });
  const {
    client_id: _,
    client_secret: __,
    client_assertion: ___,
    client_assertion_type: ____,
    ...form
  } = Object.fromEntries([...parameters].filter(([, value]) => value !== ''));
  return ok({ client, method: credentials.method, form });
}

function readCredentials(
  header: string | null,
  parameters: URLSearchParams,
): Credentials | ClientAuthRefusal {
  const [id, secret, assertion] = ['client_id', 'client_secret', 'client_assertion'].map(
    (name) => parameters.get(name) || undefined,
  );
  const used = [header, secret, assertion].filter(
    (credential) => credential !== null && credential !== undefined,
  );
  if (used.length > 1) return invalidRequest('Use one method of client authentication, not several');
  if (header !== null) {
    const basic = readBasic(header);
    if (!basic) return { ...invalidClient('Invalid Basic credentials', 'basic_malformed'), challenge: true };
    if (id !== undefined && id !== basic.client_id)
      return invalidRequest('client_id differs from the header');
    return { method: 'client_secret_basic', ...basic };
  }
  if (assertion !== undefined) {
    if (parameters.get('client_assertion_type') !== ASSERTION_TYPE) {
      return invalidRequest(`client_assertion_type must be ${ASSERTION_TYPE}`);
    }
    const client_id = id ?? claimedIssuer(assertion);
    if (client_id === undefined) return invalidClient('Invalid client_assertion', 'assertion_malformed');
    return { method: 'private_key_jwt', client_id, secret: assertion };
  }
  if (id === undefined) return invalidClient('client_id is required', 'client_id_missing');
  return secret === undefined
    ? { method: 'none', client_id: id }
    : { method: 'client_secret_post', client_id: id, secret };
}

/**
 * `Basic` credentials, each part form-encoded (RFC 6749 section 2.3.1). Many clients, `curl -u` among them, send
 * the secret as it is, and one made by `openssl rand -base64` then has a `+` that stands for itself.
 */
function readBasic(header: string): Pick<Credentials, 'client_id' | 'secret' | 'verbatim'> | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(header.trim())?.[1];
  if (encoded === undefined) return undefined;
  const text = decodeBase64(encoded) ?? '';
  const colon = text.indexOf(':');
  const client_id = colon < 1 ? undefined : decodeForm(text.slice(0, colon));
  if (client_id === undefined) return undefined;
  const verbatim = text.slice(colon + 1);
  return { client_id, secret: decodeForm(verbatim) ?? verbatim, verbatim };
}

function decodeBase64(encoded: string): string | undefined {
  try {
    return decodeUtf8(Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

function decodeForm(part: string): string | undefined {
  try {
    return decodeURIComponent(part.replace(/\+/g, ' '));
  } catch {
    return undefined;
  }
}

async function isProven(
  deployment: Deployment,
  client: Client,
  credentials: Credentials,
): Promise<Result<null>> {
  const { method, secret = '', verbatim = secret } = credentials;
  if (method === 'none') return ok(null);
  if (method !== 'private_key_jwt') {
    const hashes = await Promise.all([secret, verbatim].map(sha256Hex));
    const same = hashes.some((hash) => timingSafeEqual(hash, client.secret_hash ?? ''));
    return same ? ok(null) : { ok: false, error: { reason: 'client_secret_mismatch' } };
  }
  const audiences = [deployment.origin, `${deployment.origin}/oauth/token`];
  const loopbackHosts = deployment.local ? deployment.settings.clientDocumentHosts : [];
  const now = seconds();
  const verified = await verifyClientAssertion(client, secret, audiences, { loopbackHosts, now });
  if (!verified.ok) return verified;
  const first = await claimOnce(
    deployment,
    `assertion\0${client.client_id}\0${verified.value.jti}`,
    verified.value.exp + CLOCK_SKEW,
  );
  return first ? ok(null) : { ok: false, error: { reason: 'assertion_replayed' } };
}

function invalidRequest(error_description: string): ClientAuthRefusal {
  const reason = 'client_credentials_ambiguous';
  return { error: 'invalid_request', error_description, reason, challenge: false };
}

function invalidClient(error_description: string, reason: string): ClientAuthRefusal {
  return { error: 'invalid_client', error_description, reason, challenge: false };
}

function refusal(
  error_description: string,
  why: Refusal & { challenge: boolean },
): { ok: false; error: ClientAuthRefusal } {
  return { ok: false, error: { error: 'invalid_client', error_description, ...why } };
}
