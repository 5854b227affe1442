/** The shortest lifetime of access tokens that the library supports, in seconds, which is that of KV entries. */
const LIBRARY_MIN = 60;

/**
 * The lifetime of access tokens in whole seconds, at least 1: `issued` by the library, minus `shortenBy`. Throws when
 * the setting isn't valid.
 */
export function readLifetimes(setting: number | string): { issued: number; shortenBy: number } {
  const seconds = Number(setting);
  if (!Number.isInteger(seconds) || seconds < 1) {
    throw new Error(`ACCESS_TOKEN_SECONDS is ${setting}: it must be a whole number of at least 1`);
  }
  const issued = Math.max(seconds, LIBRARY_MIN);
  return { issued, shortenBy: issued - seconds };
}

/** The library's namespace, in which access tokens expire `by` seconds earlier than the library wrote. */
export function shortenTokens(kv: KVNamespace, by: number): KVNamespace {
  if (by === 0) return kv;
  const put = (key: string, value: string, options?: KVNamespacePutOptions) => {
    if (!key.startsWith('token:')) return kv.put(key, value, options);
    const token = JSON.parse(value) as { expiresAt: number };
    return kv.put(key, JSON.stringify({ ...token, expiresAt: token.expiresAt - by }), options);
  };
  return new Proxy(kv, {
    get: (target, name) => {
      if (name === 'put') return put;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

/** A token response (RFC 6749, section 5.1) with an `expires_in` that is `by` seconds less; others stay unchanged. */
export async function shortenAnswer(response: Response, by: number): Promise<Response> {
  if (by === 0 || !response.ok) return response;
  const text = await response.text();
  const body = text === '' ? {} : (JSON.parse(text) as { expires_in?: number });
  if (body.expires_in === undefined) return new Response(text, response);
  return Response.json({ ...body, expires_in: body.expires_in - by }, response);
}
