import type { Context } from 'hono';
import { type ApiKeyCredential, headerValue, isSendable } from '../../account';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { ConnectedServer } from '../../upstream';

/** What a server says to a credential: `gateway/` asks it, since it knows how a server is reached. */
export type TryCredential = (
  c: Context,
  server: ConnectedServer,
  credential: { header: string; value: string },
) => Promise<'accepted' | 'refused' | 'unreachable'>;

export type ApiKeyRefusal = 'key_malformed' | 'key_refused' | 'server_unreachable';

const LONGEST = 4096;

/** A key that a person pasted, tried once against the server before it is kept. */
export async function checkKey(
  c: Context,
  server: ConnectedServer,
  typed: string,
  tryCredential: TryCredential,
): Promise<Result<ApiKeyCredential, Refusal<ApiKeyRefusal>>> {
  const key = typed.trim();
  if (key.length > LONGEST || !isSendable(key)) return refuse('key_malformed');
  const credential: ApiKeyCredential = { auth: 'api_key', server: server.name, key };
  const said = await tryCredential(c, server, headerValue(credential, server.header));
  if (said === 'accepted') return ok(credential);
  return refuse(said === 'refused' ? 'key_refused' : 'server_unreachable');
}
