import ipaddr from 'ipaddr.js';

/*
 * Whether the caller is on this computer, as far as its request shows. A loopback `Host` doesn't prove it: a tunnel or
 * a proxy on this computer keeps that header, and a caller can write anything there.
 */

/**
 * Headers that only a proxy, a tunnel, or an edge sets. (`CF-Worker` alone means a call by a Worker on this computer.)
 */
const FORWARDED =
  /^(forwarded|via|cdn-loop|cf-(?!worker$).+|x-forwarded-.+|x-original-.+|x-real-ip|(.+-)?client-ip|x-envoy-.+|x-azure-.+|x-arr-.+|x-amz.+|x-cloud-trace-context|tailscale-.+|ngrok-.+)$/;

/** The address of the peer. `wrangler dev` sets it to that of the connection, unless the request already has one. */
const PEER = 'cf-connecting-ip';

/** The name of a header that shows that the caller is remote; undefined when there is none. */
export function remoteHeader(headers: Headers): string | undefined {
  for (const [name, value] of headers) {
    if (name === PEER ? !isLoopbackAddress(value) : FORWARDED.test(name)) return name;
  }
  return undefined;
}

function isLoopbackAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}
