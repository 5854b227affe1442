import ipaddr from 'ipaddr.js';
import { type Deployment, deploymentOf, type RequestContext } from '../config';
import { sourceHash } from '../crypto';

/** Where requests come from, as keyed hashes: equal for the same address block, and no address for who reads them. */
export interface Source {
  /** One IPv4 address, or an IPv6 /64: what one household or server has at least. */
  source: string;
  /** The block around it, which one provider hands out: IPv4 /24, IPv6 /48. */
  network: string;
}

/** Address blocks in text. `undefined`: nobody says where the request came from. */
export type Blocks = Record<keyof Source, string> | undefined;

/** A request's headers, and where it met the deployment. */
export type Sent = RequestContext & { req: { raw: Request } };

/**
 * The source of a request, by the platform's own header `CF-Connecting-IP`, which no client can set there. Without
 * it (local development, and the gate's calls of itself) all requests have one source.
 */
export async function sourceOf(c: Sent): Promise<Source> {
  return hashBlocks(deploymentOf(c), blocksOf(c.req.raw.headers.get('cf-connecting-ip')));
}

/** Whether somebody says where a request came from. */
export function isSourceKnown(c: Pick<Sent, 'req'>): boolean {
  return blocksOf(c.req.raw.headers.get('cf-connecting-ip')) !== undefined;
}

/** The blocks that an address is in. An IPv4 address that is written as IPv6 is the IPv4 address. */
export function blocksOf(address: string | null): Blocks {
  if (address === null || !ipaddr.isValid(address.trim())) return undefined;
  const parsed = ipaddr.process(address.trim());
  const block = (bits: number) => {
    const bytes = parsed.toByteArray().map((byte, at) => byte & mask(bits - at * 8));
    return `${parsed.kind()} ${bytes.join('.')}/${bits}`;
  };
  const [source, network] = parsed.kind() === 'ipv4' ? [32, 24] : [64, 48];
  return { source: block(source), network: block(network) };
}

/** Of a byte, the bits that are among the first so many. */
function mask(bits: number): number {
  return bits >= 8 ? 255 : bits <= 0 ? 0 : (255 << (8 - bits)) & 255;
}

/** The {@link Source.source} of a request by itself: what a limit by rate is counted by. */
export async function addressHash(c: Sent): Promise<string> {
  const block = blocksOf(c.req.raw.headers.get('cf-connecting-ip'))?.source;
  return sourceHash(deploymentOf(c).keyring, block ?? UNKNOWN);
}

const UNKNOWN = 'unknown';

async function hashBlocks({ keyring }: Pick<Deployment, 'keyring'>, blocks: Blocks): Promise<Source> {
  const [source, network] = await Promise.all([
    sourceHash(keyring, blocks?.source ?? UNKNOWN),
    sourceHash(keyring, blocks?.network ?? UNKNOWN),
  ]);
  return { source, network };
}
