import { crc32 } from 'node:zlib';
import { base64url } from 'jose';
import { randomBytes, sha256Hex } from '../../crypto';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { KEY_PREFIX } from '../../secret-text';

/*
 * The text of an access key (docs/access-keys.md): `gth_`, then 86 characters of base62 that hold the
 * owner's user id (24 bytes, MAC included), the key's id (8) and its secret (32), then 6 characters of
 * base62: the CRC-32 of all before them. Scanners find it by prefix, length and checksum, with no look-up.
 */

const USER_BYTES = 24;
const ID_BYTES = 8;
const SECRET_BYTES = 32;
/** {@link ID_BYTES} in base64url. */
const KEY_ID = /^[\w-]{11}$/;
const BODY_LENGTH = 86;
const CHECK_LENGTH = 6;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const SHAPE = new RegExp(`^${KEY_PREFIX}([0-9A-Za-z]{${BODY_LENGTH}})([0-9A-Za-z]{${CHECK_LENGTH}})$`);

const BEGINNING = new RegExp(`^${KEY_PREFIX}([0-9A-Za-z]{${BODY_LENGTH}})`);

/** The parts of a key's text. `findAccount` verifies `userId`, and the account verifies the secret. */
export interface KeyParts {
  userId: string;
  keyId: string;
}

/** Why a text is no access key. `key_checksum`: it looks like one, and was mistyped. */
export type KeyTextRefusal = 'key_malformed' | 'key_checksum';

/** A new id for a key that is made later. */
export function proposeKeyId(): string {
  return base64url.encode(randomBytes(ID_BYTES));
}

/** Makes a new key of a user: its text, which is shown once, and the hash of it, which is stored. */
export async function makeKey(
  userId: string,
  id = proposeKeyId(),
): Promise<{ text: string; keyId: string; hash: string }> {
  const bytes = new Uint8Array(USER_BYTES + ID_BYTES + SECRET_BYTES);
  bytes.set(base64url.decode(userId));
  bytes.set(base64url.decode(id), USER_BYTES);
  bytes.set(randomBytes(SECRET_BYTES), USER_BYTES + ID_BYTES);
  const body = KEY_PREFIX + toBase62(bytesToNumber(bytes), BODY_LENGTH);
  const text = body + checksum(body);
  return { text, keyId: keyIdIn(bytes), hash: await sha256Hex(text) };
}

/** Whether a text begins like an access key, valid or not. Such a text is never sent to a server. */
export function looksLikeKey(text: string): boolean {
  return text.startsWith(KEY_PREFIX);
}

/** Whether an id is an access key's rather than a grant's (16 characters). */
export function isKeyId(id: string): boolean {
  return KEY_ID.test(id);
}

/** The parts of a key's text. Refused as `key_malformed`, or as `key_checksum` when it was mistyped. */
export function parseKey(text: string): Result<KeyParts, Refusal<KeyTextRefusal>> {
  const [, body = '', check] = SHAPE.exec(text) ?? [];
  if (check === undefined) return refuse('key_malformed');
  if (checksum(KEY_PREFIX + body) !== check) return refuse('key_checksum');
  const parts = keyPartsOf(text);
  return parts ? ok(parts) : refuse('key_malformed');
}

/**
 * The parts of a text that begins like a key, whatever follows. It shows whose key it would be, so that mistyped keys are
 * not sent to a server either. Undefined for any other text.
 */
export function keyPartsOf(text: string): KeyParts | undefined {
  const body = BEGINNING.exec(text)?.[1];
  const bytes = body === undefined ? undefined : numberToBytes(fromBase62(body));
  return bytes && { userId: base64url.encode(bytes.subarray(0, USER_BYTES)), keyId: keyIdIn(bytes) };
}

function keyIdIn(bytes: Uint8Array): string {
  return base64url.encode(bytes.subarray(USER_BYTES, USER_BYTES + ID_BYTES));
}

function checksum(text: string): string {
  return toBase62(BigInt(crc32(text)), CHECK_LENGTH);
}

function toBase62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest /= 62n) text = DIGITS[Number(rest % 62n)] + text;
  return text;
}

function fromBase62(text: string): bigint {
  return Array.from(text).reduce((value, digit) => value * 62n + BigInt(DIGITS.indexOf(digit)), 0n);
}

function bytesToNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

/** The number as 64 bytes; undefined when it is larger, which 86 digits can be. */
function numberToBytes(value: bigint): Uint8Array | undefined {
  const bytes = new Uint8Array(USER_BYTES + ID_BYTES + SECRET_BYTES);
  let rest = value;
  for (let at = bytes.length - 1; at >= 0; at--, rest /= 256n) bytes[at] = Number(rest % 256n);
  return rest === 0n ? bytes : undefined;
}
