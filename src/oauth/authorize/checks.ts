import type { Context } from 'hono';
import { deploymentOf } from '../../config';
import { sourceOf } from '../../limits';
import { ok, type Result } from '../../result';
import {
  clientIdOnce,
  clientIdPresent,
  clientKnown,
  queryWithinLimit,
  redirectUriOnce,
  redirectUriPresent,
  redirectUriRegistered,
} from './client-checks';
import type { RequestRefusal } from './refusal';
import type { AuthorizationRequest, ReceivedRequest } from './request';
import {
  challengeMethodS256,
  challengePresent,
  challengeWellFormed,
  noRequestObject,
  parametersOnce,
  queryResponseMode,
  resourceKnown,
  responseTypeCode,
  responseTypePresent,
  responseTypeRegistered,
  scopeKnown,
} from './request-checks';

/**
 * The checks of an authorization request (RFC 6749 section 4.1.1), in order: the first that refuses ends them. Returns
 * what the person is to be asked about, or a refusal for the person or the client.
 */
export async function checkAuthorizationRequest(
  c: Context,
): Promise<Result<AuthorizationRequest, RequestRefusal>> {
  const checked = await new Checks(Promise.resolve(ok(await receive(c))))
    .check(queryWithinLimit)
    .check(clientIdOnce)
    .check(clientIdPresent)
    .check(clientKnown)
    .check(redirectUriOnce)
    .check(redirectUriPresent)
    .check(redirectUriRegistered)
    // From here on, what is wrong is an error for the client.
    .check(parametersOnce)
    .check(noRequestObject)
    .check(responseTypePresent)
    .check(responseTypeCode)
    .check(responseTypeRegistered)
    .check(queryResponseMode)
    .check(scopeKnown)
    .check(challengePresent)
    .check(challengeWellFormed)
    .check(challengeMethodS256)
    .check(resourceKnown).result;
  if (!checked.ok) return checked;
  const { client, asked, redirect_uri, state, code_challenge, resource } = checked.value;
  const request = {
    redirect_uri,
    state,
    client_id: client.client_id,
    code_challenge,
    resource: resource.url,
  };
  return ok({ client, asked, request });
}

/** A rule about a request of which so much is known: what it found for later ones, or why it refuses. */
type Check<Known, Found> = (
  request: Known,
) => Result<Found, RequestRefusal> | Promise<Result<Found, RequestRefusal>>;

/** Checks that run one after the other, each with what those before it found. */
class Checks<Known extends object> {
  constructor(readonly result: Promise<Result<Known, RequestRefusal>>) {}

  check<Found extends object>(check: Check<Known, Found>): Checks<Known & Found> {
    return new Checks(this.#then(check));
  }

  async #then<Found extends object>(
    check: Check<Known, Found>,
  ): Promise<Result<Known & Found, RequestRefusal>> {
    const known = await this.result;
    if (!known.ok) return known;
    const found = await check(known.value);
    return found.ok ? ok({ ...known.value, ...found.value }) : found;
  }
}

async function receive(c: Context): Promise<ReceivedRequest> {
  const { search, searchParams: sent } = new URL(c.req.url);
  const given = new URLSearchParams([...sent].filter(([, value]) => value !== ''));
  return { deployment: deploymentOf(c), from: await sourceOf(c), query: search, sent, given };
}
