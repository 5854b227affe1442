import { seconds } from '../../clock';
import type { Deployment } from '../../config';
import { sha256Hex, timingSafeEqual } from '../../crypto';
import { claimOnce } from '../../flow';
import { decodeUtf8 } from '../../http';
import type { Source } from '../../limits';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { Client, ClientAuthMethod } from '../protocol/client';
import { type AssertionRefusal, CLOCK_SKEW } from '../protocol/jwt';
import { claimedIssuer, verifyClientAssertion } from './assertion';
import { type FindClientRefusal, findClient } from './clients';

/**
 * An authenticated client, and the parameters of its request: without its credentials, and without those that have no
 * value (RFC 6749 section 3.2).
 */
export interface AuthenticatedClient {
  client: Client;
  method: ClientAuthMethod;
  form: Record<string, string>;
}

/** Why a client isn't authenticated, with its error (RFC 6749 section 5.2). */
export interface ClientAuthRefusal extends Refusal<ClientAuthReason> {
  error: 'invalid_client' | 'invalid_request';
  error_description: string;
  /** Whether the client tried HTTP authentication, so that the answer needs a challenge. */
  challenge: boolean;
}

type ClientAuthReason = ProofRefusal | FindClientRefusal['reason'] | CredentialsRefusal;

/** What is wrong with the credentials before the client is known. */
type CredentialsRefusal =
  | 'client_credentials_ambiguous'
  | 'basic_malformed'
  | 'assertion_malformed'
  | 'client_id_missing'
  | 'client_auth_method_mismatch';

/** Why the credentials aren't the client's. */
type ProofRefusal = AssertionRefusal | 'client_secret_mismatch' | 'assertion_replayed';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

interface Credentials {
  method: ClientAuthMethod;
  client_id: string;
  secret?: string;
  /** The secret of a header, not decoded. */
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
  const read = readCredentials(header, parameters);
  if (!read.ok) return read;
  const credentials = read.value;
  const refused = (error_description: string, why: Refusal<ClientAuthReason>) =>
    invalidClient(error_description, why, header !== null);

  const found = await findClient(deployment, credentials.client_id, from);
  if (!found.ok) return refused('Client not found', found.error);
  const client = found.value;
  if (!client.auth_methods.includes(credentials.method)) {
    const detail = `${client.client_id} used ${credentials.method}`;
    return refused('Client authentication failed', { reason: 'client_auth_method_mismatch', detail });
  }
  const proven = await checkProof(deployment, client, credentials);
  if (!proven.ok) return refused('Client authentication failed', proven.error);
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
): Result<Credentials, ClientAuthRefusal> {
  const [id, secret, assertion] = ['client_id', 'client_secret', 'client_assertion'].map(
    (name) => parameters.get(name) || undefined,
  );
  const used = [header, secret, assertion].filter(
    (credential) => credential !== null && credential !== undefined,
  );
  if (used.length > 1) return invalidRequest('Use one method of client authentication, not several');
  if (header !== null) {
    const basic = readBasic(header);
    if (!basic) return invalidClient('Invalid Basic credentials', { reason: 'basic_malformed' }, true);
    if (id !== undefined && id !== basic.client_id)
      return invalidRequest('client_id differs from the header');
    return ok({ method: 'client_secret_basic', ...basic });
  }
  if (assertion !== undefined) {
    if (parameters.get('client_assertion_type') !== ASSERTION_TYPE) {
      return invalidRequest(`client_assertion_type must be ${ASSERTION_TYPE}`);
    }
    const client_id = id ?? claimedIssuer(assertion);
    if (client_id === undefined) {
      return invalidClient('Invalid client_assertion', { reason: 'assertion_malformed' });
    }
    return ok({ method: 'private_key_jwt', client_id, secret: assertion });
  }
  if (id === undefined) return invalidClient('client_id is required', { reason: 'client_id_missing' });
  return ok(
    secret === undefined
      ? { method: 'none', client_id: id }
      : { method: 'client_secret_post', client_id: id, secret },
  );
}

/**
 * `Basic` credentials, each part form-encoded (RFC 6749 section 2.3.1); undefined when the header has no such form. Many
 * clients, such as `curl -u`, don't encode the secret, and a `+` in it then means itself: `verbatim`.
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

/** Whether the credentials are the client's. */
async function checkProof(
  deployment: Deployment,
  client: Client,
  credentials: Credentials,
): Promise<Result<null, Refusal<ProofRefusal>>> {
  const { method, secret = '', verbatim = secret } = credentials;
  if (method === 'none') return ok(null);
  if (method !== 'private_key_jwt') {
    const hashes = await Promise.all([secret, verbatim].map(sha256Hex));
    const same = hashes.some((hash) => timingSafeEqual(hash, client.secret_hash ?? ''));
    return same ? ok(null) : refuse('client_secret_mismatch');
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
  return first ? ok(null) : refuse('assertion_replayed');
}

function invalidRequest(error_description: string): { ok: false; error: ClientAuthRefusal } {
  const reason = 'client_credentials_ambiguous';
  return { ok: false, error: { error: 'invalid_request', error_description, reason, challenge: false } };
}

function invalidClient(
  error_description: string,
  why: Refusal<ClientAuthReason>,
  challenge = false,
): { ok: false; error: ClientAuthRefusal } {
  return { ok: false, error: { error: 'invalid_client', error_description, ...why, challenge } };
}
