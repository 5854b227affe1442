import { flowIdExpiry, isUserId, type Keyring } from '../../crypto';
import { KEY_FORM } from '../../secret-text';
import { parseKey } from '../keys/text';

/*
 * Finds credentials of this gate in text that is sent to a server: access keys, tokens, codes, sign-in and visitor
 * cookies, device codes. In whatever form: with any scheme or none, in a list, quoted, percent-encoded, in base64 (as in
 * `Basic`).
 */

/** An access or refresh token or a code (`id:grant:…`), or a cookie (`id.…`), by what comes before its secret. */
const USER_BOUND = /([\w-]{32})(?::[\w-]{16}|\.[\w-]{16})/g;
/** A device code: the id of its flow, and a secret. */
const FLOW_BOUND = /([\w-]{39})\.[\w-]{16}/g;
/** Long enough to hold a part of a key; both alphabets of RFC 4648. */
const BASE64 = /[A-Za-z0-9+/_-]{24,}/g;
/** How many ids are verified. Text with more of them is not sent on. */
const MOST_IDS = 20;
/** How many layers of encoding are undone. */
const DEPTH = 3;

/** Whether a text contains an access key, or a part of one, of any deployment. */
export function containsKey(text: string): boolean {
  for (const reading of readings(text)) {
    if (reading.match(KEY_FORM)) return true;
  }
  return false;
}

/**
 * Whether a text contains a credential of this deployment. Credentials of other deployments don't count, since one may
 * be a server of this one; a mistyped or shortened key does.
 */
export async function containsOwnCredential(keyring: Keyring, text: string): Promise<boolean> {
  const [users, flows] = [new Set<string>(), new Set<string>()];
  for (const reading of readings(text)) {
    for (const [key] of reading.matchAll(KEY_FORM)) {
      const parsed = parseKey(key);
      if (!parsed.ok) return true;
      users.add(parsed.value.userId);
    }
    for (const [, id = ''] of reading.matchAll(USER_BOUND)) users.add(id);
    for (const [, id = ''] of reading.matchAll(FLOW_BOUND)) flows.add(id);
  }
  if (users.size + flows.size > MOST_IDS) return true;
  for (const id of users) if (await isUserId(keyring, id)) return true;
  for (const id of flows) if ((await flowIdExpiry(keyring, id)) !== undefined) return true;
  return false;
}

/** A text, and everything that it may be an encoding of. */
function readings(text: string): Set<string> {
  const found = new Set([text]);
  let last = [text];
  for (let depth = 0; depth < DEPTH; depth++) {
    last = last.flatMap(decodings).filter((one) => !found.has(one));
    for (const one of last) found.add(one);
  }
  return found;
}

function decodings(text: string): string[] {
  const percent = text.replace(/%[0-9a-f]{2}/gi, (code) =>
    String.fromCharCode(Number.parseInt(code.slice(1), 16)),
  );
  const joined = text.replace(/[\s"'\\]+/g, '');
  const runs = [...new Set([...text.matchAll(BASE64), ...joined.matchAll(BASE64)].map(([run]) => run))];
  // What comes right before base64 may look like a part of it.
  const decoded = runs.flatMap((run) => [0, 1, 2, 3].map((skipped) => fromBase64(run.slice(skipped))));
  return [percent, joined, ...decoded].filter((one) => one.length >= 16);
}

/** Decodes as many base64 digits as make whole bytes, each byte as one character. */
function fromBase64(digits: string): string {
  const standard = digits.replace(/-/g, '+').replace(/_/g, '/');
  const odd = standard.length % 4 === 1 ? 1 : 0;
  return atob(standard.slice(0, standard.length - odd));
}
