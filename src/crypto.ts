import { base64url, CompactEncrypt, compactDecrypt } from 'jose';
import { ok, type Result, refuse } from './result';

/**
 * The master keys of `GATEHOUSE_KEYS`: `{"2026-11": "<base64, 32 bytes>", …, "ids": "<base64>"}`.
 * The first version is the current one, which seals. The others can still open. `ids` makes user ids and their MACs.
 * It never changes, because every code and token begins with a user id.
 */
export interface Keyring {
  current: string;
  versions: ReadonlyMap<string, Uint8Array>;
  ids: Uint8Array;
}

const KEY_BYTES = 32;
const encoder = new TextEncoder();

/** Reads `GATEHOUSE_KEYS`. Refused as `keys_unreadable`; the detail says what is wrong, and never quotes a key. */
export function parseKeyring(text: string): Result<Keyring> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return refuse('keys_unreadable', 'it isn’t valid JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return refuse('keys_unreadable', 'it isn’t a JSON object');
  }
  const versions = new Map<string, Uint8Array>();
  let ids: Uint8Array | undefined;
  for (const [name, value] of Object.entries(parsed)) {
    const bytes = typeof value === 'string' ? decodeBase64(value) : undefined;
    if (!bytes || bytes.length < KEY_BYTES) {
      return refuse('keys_unreadable', `"${name}" isn’t base64 of ${KEY_BYTES} bytes or more`);
    }
    if (name === 'ids') ids = bytes;
    else versions.set(name, bytes);
  }
  const current = versions.keys().next().value;
  if (current === undefined) return refuse('keys_unreadable', 'it has no key version, such as "2026-11"');
  if (!ids) return refuse('keys_unreadable', 'it has no "ids" key');
  return ok({ current, versions, ids });
}

/** The text of a new `GATEHOUSE_KEYS` whose only version is `version` (by convention the month). */
export function makeKeyringText(version: string): string {
  const key = () => btoa(String.fromCharCode(...randomBytes(KEY_BYTES)));
  return JSON.stringify({ [version]: key(), ids: key() });
}

export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** An unguessable secret: 256 bits, base64url. */
export function randomSecret(): string {
  return base64url.encode(randomBytes(32));
}

/** SHA-256 in lower-case hex: the form in which codes, tokens and cookie secrets are stored. */
export async function sha256Hex(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The S256 challenge of a code verifier (RFC 7636 section 4.2). */
export async function s256(verifier: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(verifier))));
}

/** Compares two strings in time that depends only on their lengths. */
export function timingSafeEqual(a: string, b: string): boolean {
  const left = encoder.encode(a);
  const right = encoder.encode(b);
  if (left.length !== right.length) return false;
  return crypto.subtle.timingSafeEqual(left, right);
}

/** HMAC-SHA-256 of `text` under the current master key, for `purpose` only; base64url. */
export async function sign(keyring: Keyring, purpose: string, text: string): Promise<string> {
  const key = keyring.versions.get(keyring.current) as Uint8Array;
  return base64url.encode(await hmac(await derive(key, purpose), text));
}

/** Whether {@link sign} made `signature`, with any key version that is still in the keyring. */
export async function verifySignature(
  keyring: Keyring,
  purpose: string,
  text: string,
  signature: string,
): Promise<boolean> {
  for (const key of keyring.versions.values()) {
    const expected = base64url.encode(await hmac(await derive(key, purpose), text));
    if (timingSafeEqual(expected, signature)) return true;
  }
  return false;
}

/**
 * Encrypts a JSON value as a compact JWE (RFC 7516, `dir` + A256GCM) with a key that is derived from the current master
 * key for `purpose` (such as a principal's id). The header's `kid` names the version.
 */
export async function seal(keyring: Keyring, purpose: string, value: unknown): Promise<string> {
  const master = keyring.versions.get(keyring.current) as Uint8Array;
  return encrypt(await derive(master, `seal:${purpose}`), value, keyring.current);
}

/** Decrypts what {@link seal} made. Refused as `vault_unreadable` when the key is gone or the text was changed. */
export async function unseal<T>(keyring: Keyring, purpose: string, sealed: string): Promise<Result<T>> {
  try {
    const { plaintext } = await compactDecrypt(sealed, async ({ kid }) => {
      const master = keyring.versions.get(kid ?? '');
      if (!master) throw new Error('unknown key version');
      return derive(master, `seal:${purpose}`);
    });
    return ok(JSON.parse(new TextDecoder().decode(plaintext)) as T);
  } catch {
    return refuse('vault_unreadable', 'its key is not in GATEHOUSE_KEYS, or it was changed');
  }
}

/**
 * Encrypts a JSON value with a key that is derived from a secret that only its holder has (a code, a refresh token).
 * Somebody who reads the storage can't decrypt it. The holder can, by presenting the secret again.
 */
export async function sealUnderSecret(secret: string, value: unknown): Promise<string> {
  return encrypt(await derive(encoder.encode(secret), 'answer'), value);
}

/** Decrypts what {@link sealUnderSecret} made; undefined when the secret is a different one. */
export async function unsealUnderSecret<T>(secret: string, sealed: string): Promise<T | undefined> {
  try {
    const { plaintext } = await compactDecrypt(sealed, await derive(encoder.encode(secret), 'answer'));
    return JSON.parse(new TextDecoder().decode(plaintext)) as T;
  } catch {
    return undefined;
  }
}

/*
 * Ids that prove that this deployment made them: base64url of some bytes and a MAC over them. The MAC is checked before
 * the Durable Object of that name is called, so that nobody can wake objects by guessing ids.
 */
const MAC_BYTES = 8;
const USER_ID_BYTES = 16;
const FLOW_RANDOM_BYTES = 16;
const FLOW_EXPIRY_BYTES = 5;

/**
 * The gate's id of the principal `(issuer, subject)`: opaque, always the same, 32 characters of base64url
 * (so without `:`, which separates the parts of a token).
 */
export async function userIdOf(keyring: Keyring, issuer: string, subject: string): Promise<string> {
  const id = await hmacBytes(keyring.ids, `user\0${issuer}\0${subject}`, USER_ID_BYTES);
  return withMac(keyring, 'user-id', id);
}

/** Whether this deployment made that user id. */
export async function isUserId(keyring: Keyring, candidate: string): Promise<boolean> {
  return (await withoutMac(keyring, 'user-id', candidate, USER_ID_BYTES)) !== undefined;
}

/** A new flow id that expires at `expiresAt` (seconds since the epoch). */
export async function makeFlowId(keyring: Keyring, expiresAt: number): Promise<string> {
  const bytes = new Uint8Array(FLOW_RANDOM_BYTES + FLOW_EXPIRY_BYTES);
  bytes.set(randomBytes(FLOW_RANDOM_BYTES));
  for (let i = 0; i < FLOW_EXPIRY_BYTES; i++) {
    bytes[FLOW_RANDOM_BYTES + i] = Math.floor(expiresAt / 256 ** (FLOW_EXPIRY_BYTES - 1 - i)) % 256;
  }
  return withMac(keyring, 'flow-id', bytes);
}

/** When a flow id expires, in seconds since the epoch; undefined when this deployment didn't make the id. */
export async function flowIdExpiry(keyring: Keyring, candidate: string): Promise<number | undefined> {
  const bytes = await withoutMac(keyring, 'flow-id', candidate, FLOW_RANDOM_BYTES + FLOW_EXPIRY_BYTES);
  return bytes?.subarray(FLOW_RANDOM_BYTES).reduce((value, byte) => value * 256 + byte, 0);
}

/**
 * The id of a public client that registers with this metadata (RFC 7591). The same metadata always gets the same id, so
 * that repeated registrations make one client.
 */
export async function clientIdOf(keyring: Keyring, metadata: string): Promise<string> {
  return base64url.encode(await hmacBytes(keyring.ids, `client\0${metadata}`, USER_ID_BYTES));
}

/**
 * The id of the callback for one server at one authorization server (RFC 9700 section 4.4.2.2): opaque, always the
 * same, 32 characters of base64url. The server's name can't be derived from it. `issuer`: undefined when the gate is
 * registered there by hand.
 */
export async function callbackIdOf(
  keyring: Keyring,
  server: string,
  issuer: string | undefined,
): Promise<string> {
  const id = await hmacBytes(keyring.ids, `callback\0${server}\0${issuer ?? ''}`, USER_ID_BYTES);
  return withMac(keyring, 'callback-id', id);
}

/** Whether this deployment made that callback id. */
export async function isCallbackId(keyring: Keyring, candidate: string): Promise<boolean> {
  return (await withoutMac(keyring, 'callback-id', candidate, USER_ID_BYTES)) !== undefined;
}

/** The stored form of a device's user code. It is keyed, since codes are short enough to try them all. */
export async function userCodeHash(keyring: Keyring, userCode: string): Promise<string> {
  return base64url.encode(await hmacBytes(keyring.ids, `user-code\0${userCode}`, USER_ID_BYTES));
}

/** The stored form of a block of addresses: requests from it can be counted, but the address can't be read. */
export async function sourceHash(keyring: Keyring, block: string): Promise<string> {
  return base64url.encode(await hmacBytes(keyring.ids, `source\0${block}`, USER_ID_BYTES));
}

/** 32 bytes for one purpose, always the same, from one version of the master key; undefined when that is gone. */
export async function deriveSeed(
  keyring: Keyring,
  version: string,
  purpose: string,
): Promise<Uint8Array | undefined> {
  const master = keyring.versions.get(version);
  return master && derive(master, purpose);
}

async function withMac(keyring: Keyring, purpose: string, bytes: Uint8Array): Promise<string> {
  const mac = await hmacBytes(keyring.ids, `${purpose}\0${base64url.encode(bytes)}`, MAC_BYTES);
  const whole = new Uint8Array(bytes.length + MAC_BYTES);
  whole.set(bytes);
  whole.set(mac, bytes.length);
  return base64url.encode(whole);
}

async function withoutMac(
  keyring: Keyring,
  purpose: string,
  candidate: string,
  length: number,
): Promise<Uint8Array | undefined> {
  if (candidate.length !== Math.ceil(((length + MAC_BYTES) * 8) / 6) || !/^[\w-]+$/.test(candidate)) return;
  const bytes = base64url.decode(candidate).subarray(0, length);
  return timingSafeEqual(await withMac(keyring, purpose, bytes), candidate) ? bytes : undefined;
}

async function hmacBytes(key: Uint8Array, text: string, length: number): Promise<Uint8Array> {
  return (await hmac(key, text)).subarray(0, length);
}

async function hmac(key: Uint8Array, text: string): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ]);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, encoder.encode(text)));
}

/** HKDF-SHA-256 (RFC 5869) to 32 bytes. */
async function derive(secret: Uint8Array, purpose: string): Promise<Uint8Array> {
  const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  const params = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(purpose) };
  return new Uint8Array(await crypto.subtle.deriveBits(params, base, KEY_BYTES * 8));
}

async function encrypt(key: Uint8Array, value: unknown, kid?: string): Promise<string> {
  return new CompactEncrypt(encoder.encode(JSON.stringify(value)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...(kid === undefined ? {} : { kid }) })
    .encrypt(key);
}

function decodeBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
