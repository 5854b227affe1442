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
/** So many bytes in base64url. */
const KEY_ID = /^[\w-]{11}$/;
const BODY_LENGTH = 86;
const CHECK_LENGTH = 6;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const SHAPE = new RegExp(`^${KEY_PREFIX}([0-9A-Za-z]{${BODY_LENGTH}})([0-9A-Za-z]{${CHECK_LENGTH}})$`);

const BEGINNING = new RegExp(`^${KEY_PREFIX}([0-9A-Za-z]{${BODY_LENGTH}})`);

/** Whose key it claims to be, and which. `userId` is checked by `findAccount`, the secret by the account. */
export interface KeyParts {
  userId: string;
  keyId: string;
}

export type KeyTextRefusal = 'key_malformed' | 'key_checksum';

/** An id for a key that is yet to be made. */
export function proposeKeyId(): string {
  return base64url.encode(randomBytes(ID_BYTES));
}

/** A new key of a user, with that id: its text, to be shown once, and what is stored of it. */
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

/** Whether a text means to be an access key, right or not: such a text is for the gate and nobody else. */
export function looksLikeKey(text: string): boolean {
  return text.startsWith(KEY_PREFIX);
}

/** Whether an id is an access key's rather than a grant's (16 characters). */
export function isKeyId(id: string): boolean {
  return KEY_ID.test(id);
}

/** The parts of a key. A typing error is told from a key that isn't ours: `key_checksum`. */
export function parseKey(text: string): Result<KeyParts, Refusal<KeyTextRefusal>> {
  const [, body = '', check] = SHAPE.exec(text) ?? [];
  if (check === undefined) return refuse('key_malformed');
  if (checksum(KEY_PREFIX + body) !== check) return refuse('key_checksum');
  const parts = keyPartsOf(text);
  return parts ? ok(parts) : refuse('key_malformed');
}

/**
 * The parts of what begins as a key does, whatever stands behind it: enough to know whose it would be, so that a
 * mistyped key is kept from a server too. Undefined for anything else.
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

/** 64 bytes; undefined when the number needs more, which 86 digits can. */
function numberToBytes(value: bigint): Uint8Array | undefined {
  const bytes = new Uint8Array(USER_BYTES + ID_BYTES + SECRET_BYTES);
  let rest = value;
  for (let at = bytes.length - 1; at >= 0; at--, rest /= 256n) bytes[at] = Number(rest % 256n);
  return rest === 0n ? bytes : undefined;
}
