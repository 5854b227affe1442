import {
  type AuthorizationServerMetadata,
  discoverAuthorizationServerMetadata,
} from '@modelcontextprotocol/client';
import { sameIssuer } from '../../issuer';
import { documentFetch } from '../../upstream';
import { readServerMetadata } from './documents';

/*
 * The endpoints in an authorization server's metadata. RFC 8414 checks the issuer and lets the endpoints be anywhere,
 * even at another authorization server, whose codes and client secrets would then go to the token endpoint of the
 * first (RFC 9700 section 4.4).
 */

const MADE_ELSEWHERE = ['authorization_endpoint', 'registration_endpoint'] as const;

/**
 * The name of an endpoint that belongs to another authorization server than the token endpoint, according to the
 * metadata at the endpoint's own host; undefined when there is none. A host without metadata is accepted: it may only
 * serve a sign-in page.
 */
export async function findForeignEndpoint(
  metadata: AuthorizationServerMetadata,
  loopback: readonly string[],
): Promise<(typeof MADE_ELSEWHERE)[number] | undefined> {
  const foreign = await Promise.all(
    MADE_ELSEWHERE.map(async (name) => {
      const endpoint = metadata[name];
      return endpoint !== undefined && (await isForeign(endpoint, metadata, loopback)) ? name : undefined;
    }),
  );
  return foreign.find((name) => name !== undefined);
}

async function isForeign(
  endpoint: string,
  { issuer, token_endpoint }: AuthorizationServerMetadata,
  loopback: readonly string[],
): Promise<boolean> {
  const { origin } = new URL(endpoint);
  if (origin === new URL(token_endpoint).origin) return false;
  const fetchFn = documentFetch(loopback, readServerMetadata);
  const options = { fetchFn, skipIssuerValidation: true };
  const owner = await discoverAuthorizationServerMetadata(origin, options).catch(() => undefined);
  if (!owner || sameIssuer(owner.issuer, issuer)) return false;
  return owner.token_endpoint !== token_endpoint;
}
