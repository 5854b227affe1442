import { extractWWWAuthenticateParams } from '@modelcontextprotocol/client';
import * as oauth from 'oauth4webapi';

/** Longer ones say nothing that anybody needs. */
const LONGEST = 4096;

/** What a server wants of somebody without a credential (RFC 6750 section 3, RFC 9728 section 5.1). */
export interface Challenge {
  resourceMetadataUrl?: URL | undefined;
  scope?: string | undefined;
}

/** The challenge to bearers, among all that a header may have (RFC 9110 section 11.6.1). */
export async function readBearerChallenge(header: string | null): Promise<Challenge> {
  if (header === null || header.length > LONGEST) return {};
  const challenges = await readChallenges(header);
  // Not to the letter, such as an address without quotes: the SDK's reader takes what it finds.
  if (!challenges) return extractWWWAuthenticateParams(answerWith(header));
  const { parameters = {} } = challenges.find(({ scheme }) => scheme === 'bearer') ?? {};
  const url = parameters.resource_metadata ?? '';
  return {
    resourceMetadataUrl: URL.canParse(url) ? new URL(url) : undefined,
    scope: parameters.scope || undefined,
  };
}

/** A challenge as RFC 9110 section 11.6.1 has it, its scheme and the names of its parameters in lower case. */
export type ReadChallenge = oauth.WWWAuthenticateChallenge;

/**
 * All challenges of a header, or of several that were joined; undefined for what can't be read. The library does
 * that for the answers to its own requests: this is one.
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
