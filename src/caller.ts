import ipaddr from 'ipaddr.js';

/*
 * Whether the caller is on this computer, as far as a request says. A loopback `Host` says where the request went,
 * not where it came from: a tunnel or a proxy on this computer keeps it, or the caller writes it.
 */

/** Headers that only a proxy, a tunnel or an edge sets. (`CF-Worker` alone is a Worker's call on this computer.) */
const FORWARDED =
  /^(forwarded|via|cdn-loop|cf-(?!worker$).+|x-forwarded-.+|x-original-.+|x-real-ip|(.+-)?client-ip|x-envoy-.+|x-azure-.+|x-arr-.+|x-amz.+|x-cloud-trace-context|tailscale-.+|ngrok-.+)$/;

/** The address of the peer: `wrangler dev` sets it to that of the connection, unless the request has one. */
const PEER = 'cf-connecting-ip';

/** The name of a header that says that the caller isn't on this computer; undefined when none does. */
export function remoteHeader(headers: Headers): string | undefined {
  for (const [name, value] of headers) {
    if (name === PEER ? !isLoopbackAddress(value) : FORWARDED.test(name)) return name;
  }
  return undefined;
}

function isLoopbackAddress(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}
