import { type ReadChallenge, readChallenges } from '../../connections';

/** The parameter that says where a resource's metadata is (RFC 9728 section 5.1). */
const METADATA = 'resource_metadata';
/** Those that mean something without it, where the rest of a challenge can't be read (RFC 6750 section 3). */
const KEPT = /\b(error|scope)\s*=\s*"([\x20\x21\x23-\x5b\x5d-\x7e]{1,200})"/gi;

/** How the schemes that people know are spelled; they are compared without regard to case. */
const SCHEMES: Record<string, string> = { bearer: 'Bearer', dpop: 'DPoP', basic: 'Basic', digest: 'Digest' };

/**
 * A server's `WWW-Authenticate` as its client gets it: every `resource_metadata` in it is `metadataUrl`, since
 * clients compare the resource that it describes with the URL that they were given. Several challenges, and several
 * headers, which arrive joined, are all read; one that can't be read says where to sign in and no more.
 */
export async function returnedChallenge(header: string, metadataUrl: string): Promise<string> {
  if (!mentionsMetadata(header)) return header;
  const challenges = await readChallenges(header);
  if (challenges) return challenges.map((one) => written(one, metadataUrl)).join(', ');
  const kept = [...header.slice(0, 4096).matchAll(KEPT)].map(([, name = '', value = '']) => [
    name.toLowerCase(),
    value,
  ]);
  const parameters = { ...Object.fromEntries(kept), [METADATA]: metadataUrl };
  return written({ scheme: 'bearer', parameters }, metadataUrl);
}

function written({ scheme, parameters, token68 }: ReadChallenge, metadataUrl: string): string {
  const spelled = SCHEMES[scheme] ?? scheme;
  if (token68 !== undefined) return `${spelled} ${token68}`;
  const pairs = Object.entries(parameters)
    // A reader that looks for the name anywhere would find another's address in a quoted text.
    .filter(([name, value]) => name === METADATA || !mentionsMetadata(value))
    .map(([name, value]) => `${name}=${quoted(name === METADATA ? metadataUrl : value)}`);
  return pairs.length === 0 ? spelled : `${spelled} ${pairs.join(', ')}`;
}

function mentionsMetadata(text: string): boolean {
  return text.toLowerCase().includes(METADATA);
}

/** A quoted string of printable ASCII (RFC 9110 section 5.6.4). */
function quoted(value: string): string {
  return `"${value.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`;
}
