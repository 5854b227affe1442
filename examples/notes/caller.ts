import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose';

/** The gate, by service binding: the one place where its keys come from. */
export interface Gate {
  fetch(input: string): Promise<Response>;
}

/** Who is calling, as the gate vouches for it. */
export interface Caller {
  id: string;
  name: string;
}

let keys: ReturnType<typeof createLocalJWKSet> | undefined;

async function readKeys(gate: Gate) {
  if (keys) return keys;
  // A service binding takes any host; this one is the gate's in local development too.
  const response = await gate.fetch('http://localhost/.well-known/jwks.json');
  keys = createLocalJWKSet((await response.json()) as JSONWebKeySet);
  return keys;
}

/**
 * Who a request comes from: the subject of the gate's identity token (RFC 9068) in `Authorization`. Undefined
 * when there is no token, or it isn't the gate's for this server. An unknown key is looked up once more.
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
    // A server with an address of its own checks `issuer` and `audience` by name; this one is bound to its gate.
    const mine = payload.aud === `${payload.iss}/mcp/${server}`;
    return mine && payload.sub ? { id: payload.sub, name: String(payload.name) } : undefined;
  } catch {
    return undefined;
  }
}
