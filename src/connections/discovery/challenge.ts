import { extractWWWAuthenticateParams } from '@modelcontextprotocol/client';
import * as oauth from 'oauth4webapi';

/** The longest header that is read, in characters: real ones are far shorter. */
const LONGEST = 4096;

/** What a server's bearer challenge says (RFC 6750 section 3, RFC 9728 section 5.1). */
export interface Challenge {
  resourceMetadataUrl?: URL | undefined;
  scope?: string | undefined;
}

/** The bearer challenge in a `WWW-Authenticate` header, which may have several challenges; empty without one. */
export async function readBearerChallenge(header: string | null): Promise<Challenge> {
  if (header === null || header.length > LONGEST) return {};
  const challenges = await readChallenges(header);
  // Not well-formed, such as a URL without quotes: the SDK's reader takes what it finds.
  if (!challenges) return extractWWWAuthenticateParams(answerWith(header));
  const { parameters = {} } = challenges.find(({ scheme }) => scheme === 'bearer') ?? {};
  const url = parameters.resource_metadata ?? '';
  return {
    resourceMetadataUrl: URL.canParse(url) ? new URL(url) : undefined,
    scope: parameters.scope || undefined,
  };
}

/** A challenge (RFC 9110 section 11.6.1). Its scheme and the names of its parameters are in lower case. */
export type ReadChallenge = oauth.WWWAuthenticateChallenge;

/**
 * All challenges of a `WWW-Authenticate` header, or of several that were joined; undefined when it can't be parsed.
 * oauth4webapi parses them only in answers to its own requests, so it gets one.
 */
export async function readChallenges(header: string): Promise<ReadChallenge[] | undefined> {
  if (header.length > LONGEST) return undefined;
  const answer = answerWith(header);
  const nowhere = new URL('https://localhost');
  const options = { [oauth.customFetch]: async () => answer };
  try {
    await oauth.protectedResourceRequest('none', 'GET', nowhere, undefined, null, options);
  } catch (error) {
    if (error instanceof oauth.WWWAuthenticateChallengeError) return error.cause;
  }
  return undefined;
}

function answerWith(header: string): Response {
  return new Response(null, { status: 401, headers: { 'www-authenticate': header } });
}
