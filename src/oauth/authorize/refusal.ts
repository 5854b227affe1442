import { ok } from '../../result';
import { type PageRefusal, refusePage } from '../../ui';
import type { Client } from '../protocol/client';
import { errorRedirect } from '../protocol/library';
import type { RedirectableRequest } from './request';

/** Why an authorization request isn't granted, by who gets the refusal: see RFC 6749 section 4.1.2.1. */
export type RequestRefusal = PersonsRefusal | ClientsRefusal;

/** Client or redirect URI can't be trusted: the person sees a page, and nobody is redirected. */
interface PersonsRefusal {
  for: 'person';
  page: PageRefusal;
}

/** Both are known to be right: it is an error for the client. */
export interface ClientsRefusal {
  for: 'client';
  client: Client;
  /** For the log. */
  reason: ClientsReason;
  /** For the client (`error_description`). */
  detail: string;
  /** The client's redirect URI with `error`, `error_description`, `state` and `iss` (RFC 9207). */
  redirectTo: string;
}

/** The error codes of RFC 6749 section 4.1.2.1 and RFC 8707 section 2 that a request can get. */
type ErrorCode =
  | 'invalid_request'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unauthorized_client'
  | 'unsupported_response_type';

/** The error's code, or a narrower reason where the code alone says too little. */
type ClientsReason =
  | ErrorCode
  | 'parameter_repeated'
  | 'request_object'
  | 'response_mode'
  | 'code_challenge'
  | 'scope_unknown';

/** A check that found nothing wrong, and nothing that later ones need. */
export const PASSED = ok({});

/** Refuses with a page. `about`: what of the request the page names; `detail`: for the log. */
export function refuseToPerson(
  reason: PageRefusal['reason'],
  more: { about?: string; detail?: string } = {},
): { ok: false; error: PersonsRefusal } {
  return { ok: false, error: { for: 'person', page: refusePage(reason, more).error } };
}

/** Refuses with an error for the client. `detail`: its description, in ASCII. `reason`: for the log; else the code. */
export function refuseToClient(
  { client, redirect_uri, state, deployment }: RedirectableRequest,
  error: ErrorCode,
  detail: string,
  reason: ClientsReason = error,
): { ok: false; error: ClientsRefusal } {
  const redirectTo = errorRedirect({ redirect_uri, state }, deployment.origin, error, detail);
  return { ok: false, error: { for: 'client', client, reason, detail, redirectTo } };
}
