// @ts-check
import { Pool } from 'undici';

/** The variables that name a proxy for https, the first that is set before the others. */
const NAMES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'];
const SCHEMES = ['http:', 'https:', 'socks:', 'socks5:'];

/**
 * The proxy that the environment names, with the scheme that many leave out; undefined when there is none. `wrong`: the
 * name of a variable whose value isn't a URL.
 * @param {Record<string, string | undefined>} env
 * @returns {{ url: string } | { wrong: string } | undefined}
 */
export function readProxy(env) {
  const name = NAMES.find((one) => env[one]);
  if (name === undefined) return undefined;
  const text = env[name] ?? '';
  const url = text.includes('://') ? text : `http://${text}`;
  return URL.canParse(url) && SCHEMES.includes(new URL(url).protocol) ? { url } : { wrong: name };
}

/** Why a proxy lets nothing through. The request can't have arrived. */
export class ProxyFailure extends Error {}

/**
 * Connections to a proxy, each for one tunnel. A failure there is reported as one of the proxy. Otherwise, undici would
 * retry a connection that the proxy closes at once, forever.
 */
export class ProxyPool extends Pool {
  /**
   * @override
   * @param {import('undici').Dispatcher.ConnectOptions} options
   * @returns {Promise<import('undici').Dispatcher.ConnectData>}
   */
  async connect(options) {
    const tunnel = await super.connect(options).catch((cause) => {
      throw new ProxyFailure('the proxy couldn’t be used', { cause });
    });
    if (tunnel.statusCode === 200) return tunnel;
    tunnel.socket.on('error', () => undefined).destroy();
    throw new ProxyFailure(`the proxy answered ${tunnel.statusCode}`);
  }
}
