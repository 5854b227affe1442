/* Reading `WWW-Authenticate`: the SDK's reader knows the first scheme alone, and takes words in quotes for parameters. */

const TOKEN = String.raw`[\w!#$%&'*+.^\`|~-]+`;
const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`;
/** What stands between commas that are not in quotes. */
const PIECE = new RegExp(`(?:[^,"]|${QUOTED})+`, 'g');
const SCHEME = new RegExp(String.raw`^(${TOKEN})(?:\s+|$)(?!\s*=)`);
/** Some servers leave the quotes out around an address. */
const PARAMETER = new RegExp(String.raw`^(${TOKEN})\s*=\s*(?:${QUOTED}|([^\s"]+))$`);
const LONGEST = 4096;

/** What a server wants of somebody without a credential (RFC 6750 section 3, RFC 9728 section 5.1). */
export interface Challenge {
  resourceMetadataUrl?: URL | undefined;
  scope?: string | undefined;
}

/** The challenge to bearers, among all that a header may have (RFC 9110 section 11.6.1). */
export function readBearerChallenge(header: string | null): Challenge {
  const told = new Map<string, string>();
  let scheme: string | undefined;
  for (const piece of header?.slice(0, LONGEST).match(PIECE) ?? []) {
    const text = piece.trim();
    const begins = SCHEME.exec(text);
    if (begins) scheme = begins[1]?.toLowerCase();
    const [, name, quoted, bare = ''] = PARAMETER.exec(text.slice(begins?.[0].length ?? 0)) ?? [];
    if (scheme !== 'bearer' || name === undefined || told.has(name.toLowerCase())) continue;
    told.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare);
  }
  const url = told.get('resource_metadata') ?? '';
  return {
    resourceMetadataUrl: URL.canParse(url) ? new URL(url) : undefined,
    scope: told.get('scope') || undefined,
  };
}
