import type { Context } from 'hono';
import { type ApiKeyCredential, headerValue, isSendable } from '../../account';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { type ConnectedServer, tryCredential } from '../../upstream';

export type ApiKeyRefusal =
  /** It is too long, or has characters that no header can carry. */
  | 'key_malformed'
  /** The server answered 401 or 403 to it. */
  | 'key_refused'
  | 'server_unreachable';

/** The longest key, in characters. */
const LONGEST = 4096;

/** Checks a key that a person pasted: it is tried once at the server. Returns the credential to keep. */
export async function checkKey(
  c: Context,
  server: ConnectedServer,
  typed: string,
): Promise<Result<ApiKeyCredential, Refusal<ApiKeyRefusal>>> {
  const key = typed.trim();
  if (key.length > LONGEST || !isSendable(key)) return refuse('key_malformed');
  const credential: ApiKeyCredential = { auth: 'api_key', server: server.name, key };
  const tried = await tryCredential(c, server, headerValue(credential, server.header));
  if (tried === 'accepted') return ok(credential);
  return refuse(tried === 'refused' ? 'key_refused' : 'server_unreachable');
}
