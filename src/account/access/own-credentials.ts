import { flowIdExpiry, isUserId, type Keyring } from '../../crypto';
import { KEY_FORM } from '../../secret-text';
import { parseKey } from '../keys/text';

/*
 * Finds what opens a door of this gate in text that is on its way elsewhere: an access key, a token or a code, a
 * sign-in or visitor cookie, a device code. However it is written: with any scheme or none, in a list, quoted,
 * percent-encoded, in base64 (as Basic has it).
 */

/** An access or refresh token or a code (`id:grant:…`), or a cookie (`id.…`), by what stands before its secret. */
const USER_BOUND = /([\w-]{32})(?::[\w-]{16}|\.[\w-]{16})/g;
/** A device code: the id of its flow, and a secret. */
const FLOW_BOUND = /([\w-]{39})\.[\w-]{16}/g;
/** Long enough to hold a part of a key; both alphabets of RFC 4648. */
const BASE64 = /[A-Za-z0-9+/_-]{24,}/g;
/** Ids whose MAC is checked: text with more of them is no credential of anybody's, and goes nowhere. */
const MOST_IDS = 20;
/** How often text is read as something that was encoded. */
const DEPTH = 3;

/** Whether a text has an access key in it, whole or in part, whoever made it. */
export function containsKey(text: string): boolean {
  for (const reading of readings(text)) {
    if (reading.match(KEY_FORM)) return true;
  }
  return false;
}

/**
 * Whether a text has a credential of this deployment in it. Another deployment's, which may be behind this one,
 * is no such; a mistyped or shortened key counts as ours.
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

/** A text, and what it may mean to a reader that undoes an encoding, or several. */
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
  // What stands before base64 may look like a part of it.
  const decoded = runs.flatMap((run) => [0, 1, 2, 3].map((skipped) => fromBase64(run.slice(skipped))));
  return [percent, joined, ...decoded].filter((one) => one.length >= 16);
}

/** The bytes of base64 as characters, of as many digits as make whole bytes. */
function fromBase64(digits: string): string {
  const standard = digits.replace(/-/g, '+').replace(/_/g, '/');
  const odd = standard.length % 4 === 1 ? 1 : 0;
  return atob(standard.slice(0, standard.length - odd));
}
