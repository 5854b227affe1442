import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose';

/** The gate, by service binding, from which its public keys are read. */
export interface Gate {
  fetch(input: string): Promise<Response>;
}

/** The caller, according to the gate's identity token. */
export interface Caller {
  id: string;
  name: string;
}

let keys: ReturnType<typeof createLocalJWKSet> | undefined;

async function readKeys(gate: Gate) {
  if (keys) return keys;
  // A service binding accepts any host; this one also works in local development.
  const response = await gate.fetch('http://localhost/.well-known/jwks.json');
  keys = createLocalJWKSet((await response.json()) as JSONWebKeySet);
  return keys;
}

/**
 * The caller of a request: the subject of the gate's identity token (RFC 9068) in `Authorization`. Undefined when there
 * is no token, or it isn't one of the gate for this server. For an unknown key, the keys are read again once.
 */
export async function readCaller(request: Request, gate: Gate, server: string): Promise<Caller | undefined> {
  const token = /^Bearer (\S+)$/.exec(request.headers.get('authorization') ?? '')?.[1];
  if (token === undefined) return undefined;
  const verify = async () => jwtVerify(token, await readKeys(gate), { typ: 'at+jwt', algorithms: ['ES256'] });
  try {
    const { payload } = await verify().catch((error) => {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      keys = undefined;
      return verify();
    });
    // A server with an address of its own compares `issuer` and `audience` with fixed values; this one is bound to its gate.
    const mine = payload.aud === `${payload.iss}/mcp/${server}`;
    return mine && payload.sub ? { id: payload.sub, name: String(payload.name) } : undefined;
  } catch {
    return undefined;
  }
}
