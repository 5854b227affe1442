import { ok } from '../../result';
import { findClient } from '../clients/clients';
import { DOCUMENT_FAULTS } from '../clients/document-rules';
import { matchRedirectUri } from '../clients/redirect-uri';
import type { Client } from '../protocol/client';
import { PASSED, refuseToPerson } from './refusal';
import type { ReceivedRequest } from './request';

/*
 * Who asks, and whether the answer may go where the request says. What is wrong here is for the person alone: the
 * browser must not be redirected to an address that may be anybody's (RFC 6749 section 4.1.2.1).
 */

/** Characters of a whole query. Real ones stay under 4,000. */
const MAX_QUERY = 16_384;

/** A limit of our own, before anything is looked up. */
export function queryWithinLimit({ query }: ReceivedRequest) {
  return query.length <= MAX_QUERY ? PASSED : refuseToPerson('request_too_large');
}

/** RFC 6749 section 3.1: no parameter more than once. */
export function clientIdOnce({ sent }: ReceivedRequest) {
  return atMostOnce(sent, 'client_id');
}

/** RFC 6749 section 4.1.1: `client_id` is required. */
export function clientIdPresent({ given }: ReceivedRequest) {
  const client_id = given.get('client_id');
  return client_id === null ? refuseToPerson('client_id_missing') : ok({ client_id });
}

/**
 * RFC 6749 section 2.2: the client is registered here or in the settings, or its id is the URL of its metadata
 * document (draft-ietf-oauth-client-id-metadata-document).
 */
export async function clientKnown({ deployment, from, client_id }: ReceivedRequest & { client_id: string }) {
  const found = await findClient(deployment, client_id, from);
  if (found.ok) return ok({ client: found.value });
  const { reason, detail } = found.error;
  if (reason === 'client_blocked') return refuseToPerson('client_unknown', { detail: reason });
  if (reason === 'client_unknown' || !URL.canParse(client_id)) return refuseToPerson('client_unknown');
  const invalid = (DOCUMENT_FAULTS as readonly string[]).includes(reason);
  return refuseToPerson(invalid ? 'client_document_invalid' : 'client_document_unreachable', {
    about: new URL(client_id).host,
    detail: `${reason} ${detail ?? ''}`,
  });
}

/** RFC 6749 section 3.1: no parameter more than once. */
export function redirectUriOnce({ sent }: ReceivedRequest) {
  return atMostOnce(sent, 'redirect_uri');
}

/** OAuth 2.1 section 4.1.1: we require `redirect_uri` of every client, also of one that has a single one. */
export function redirectUriPresent({ given }: ReceivedRequest) {
  const requested = given.get('redirect_uri');
  return requested === null ? refuseToPerson('redirect_uri_missing') : ok({ requested });
}

/** OAuth 2.1 section 4.1.1: the client's own, character by character; on loopback any port (RFC 8252 section 7.3). */
export function redirectUriRegistered({ sent, client, requested }: RedirectRequest) {
  const redirect_uri = matchRedirectUri(requested, client.redirect_uris, client.redirect_templates);
  if (!redirect_uri) return refuseToPerson('redirect_uri_mismatch', { detail: client.client_id });
  const [state = '', ...others] = sent.getAll('state');
  return ok({ redirect_uri, state: others.length === 0 ? state : '' });
}

interface RedirectRequest extends ReceivedRequest {
  client: Client;
  /** The `redirect_uri` that the request names. */
  requested: string;
}

function atMostOnce(sent: URLSearchParams, name: string) {
  return sent.getAll(name).length <= 1 ? PASSED : refuseToPerson('parameter_repeated', { about: name });
}
