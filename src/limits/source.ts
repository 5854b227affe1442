import ipaddr from 'ipaddr.js';
import { type Deployment, deploymentOf, type RequestContext } from '../config';
import { sourceHash } from '../crypto';

/** Where a request comes from, as keyed hashes: equal for the same address block, without revealing the address. */
export interface Source {
  /** One IPv4 address, or an IPv6 /64, which is the least that one household or server gets. */
  source: string;
  /** The block around it, which one provider assigns: IPv4 /24, IPv6 /48. */
  network: string;
}

/** Address blocks as text; undefined when the source of the request is unknown. */
export type Blocks = Record<keyof Source, string> | undefined;

/** What is needed of a request to find its source. */
export type Sent = RequestContext & { req: { raw: Request } };

/**
 * The source of a request, by the platform's own header `CF-Connecting-IP`, which clients can't set. Without it (in
 * local development, and for the gate's calls of itself) all requests have the same source.
 */
export async function sourceOf(c: Sent): Promise<Source> {
  return hashBlocks(deploymentOf(c), blocksOf(c.req.raw.headers.get('cf-connecting-ip')));
}

/** Whether the source of a request is known. */
export function isSourceKnown(c: Pick<Sent, 'req'>): boolean {
  return blocksOf(c.req.raw.headers.get('cf-connecting-ip')) !== undefined;
}

/** The blocks that an address is in. An IPv4 address in IPv6 form counts as IPv4. */
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

/** A mask for the leading `bits` bits of a byte. */
function mask(bits: number): number {
  return bits >= 8 ? 255 : bits <= 0 ? 0 : (255 << (8 - bits)) & 255;
}

/** Only the {@link Source.source} of a request, which rate limits count by. */
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
