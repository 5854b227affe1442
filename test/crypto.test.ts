import { describe, expect, it } from 'vitest';
import {
  callbackIdOf,
  clientIdOf,
  deriveSeed,
  flowIdExpiry,
  isCallbackId,
  isUserId,
  type Keyring,
  makeFlowId,
  makeKeyringText,
  parseKeyring,
  randomSecret,
  seal,
  sealUnderSecret,
  sha256Hex,
  sign,
  timingSafeEqual,
  unseal,
  unsealUnderSecret,
  userIdOf,
  verifySignature,
} from '../src/crypto';

function keyringOf(keys: Record<string, string>): Keyring {
  const parsed = parseKeyring(JSON.stringify(keys));
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value;
}

const keyOf = (letter: string) => btoa(letter.repeat(32));
const old = keyringOf({ old: keyOf('a'), ids: keyOf('i') });
const rotated = keyringOf({ new: keyOf('b'), old: keyOf('a'), ids: keyOf('i') });
const withoutOld = keyringOf({ new: keyOf('b'), ids: keyOf('i') });
const stranger = keyringOf({ old: keyOf('x'), ids: keyOf('y') });

/** A text with one character changed for another of base64url, at each place of `places`. */
function alterations(text: string, places: number[]): string[] {
  return places.map((place) => {
    const at = place < 0 ? text.length + place : place;
    return text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
  });
}

describe('GATEHOUSE_KEYS', () => {
  it('that we make are read back: one version, and the key of ids', () => {
    const made = parseKeyring(makeKeyringText('2026-11'));
    expect(made).toMatchObject({ ok: true, value: { current: '2026-11' } });
    expect(makeKeyringText('2026-11')).not.toBe(makeKeyringText('2026-11'));
  });

  it('seal with the version that is named first', () => {
    expect(rotated.current).toBe('new');
    expect([...rotated.versions.keys()]).toEqual(['new', 'old']);
  });

  it('may be base64 or base64url', () => {
    const bytes = '\u00fb\u00ff'.repeat(16);
    const plain = keyringOf({ v: btoa(bytes), ids: keyOf('i') });
    const url = keyringOf({ v: btoa(bytes).replaceAll('+', '-').replaceAll('/', '_'), ids: keyOf('i') });
    expect(url.versions.get('v')).toEqual(plain.versions.get('v'));
  });

  it.each([
    ['', 'isn’t valid JSON'],
    ['{', 'isn’t valid JSON'],
    ['"text"', 'isn’t a JSON object'],
    ['null', 'isn’t a JSON object'],
    ['[]', 'isn’t a JSON object'],
    ['{}', 'no key version'],
    [JSON.stringify({ ids: keyOf('i') }), 'no key version'],
    [JSON.stringify({ v: keyOf('a') }), 'no "ids"'],
    [JSON.stringify({ v: btoa('c'.repeat(31)), ids: keyOf('i') }), '"v" isn’t base64'],
    [JSON.stringify({ v: 'no base64 at all, and secret', ids: keyOf('i') }), '"v" isn’t base64'],
    [JSON.stringify({ v: 12, ids: keyOf('i') }), '"v" isn’t base64'],
  ])('%j are refused, with the reason and without the key', (text, reason) => {
    const parsed = parseKeyring(text);
    expect(parsed).toMatchObject({ ok: false, error: { reason: 'keys_unreadable' } });
    const detail = parsed.ok ? '' : (parsed.error.detail ?? '');
    expect(detail).toContain(reason);
    for (const key of [keyOf('i'), keyOf('a'), btoa('c'.repeat(31)), 'and secret']) {
      expect(detail).not.toContain(key);
    }
  });
});

describe('what is sealed', () => {
  const value = { token: 'very secret', n: 1, list: ['ä', null] };
  const unreadable = { ok: false, error: { reason: 'vault_unreadable' } };

  it('opens under the key that sealed it, for its purpose', async () => {
    const sealed = await seal(old, 'user-1', value);
    expect(sealed).not.toContain('very secret');
    expect(await unseal(old, 'user-1', sealed)).toEqual({ ok: true, value });
    expect(await unseal(old, 'user-2', sealed)).toMatchObject(unreadable);
  });

  it("opens after the key was rotated, is sealed anew by the new one, and closes with the old one's end", async () => {
    const sealed = await seal(old, 'user-1', value);
    expect(await unseal(rotated, 'user-1', sealed)).toEqual({ ok: true, value });
    expect(await unseal(withoutOld, 'user-1', sealed)).toMatchObject(unreadable);
    const again = await seal(rotated, 'user-1', value);
    expect(await unseal(withoutOld, 'user-1', again)).toEqual({ ok: true, value });
  });

  it('stays shut under another key of the same name, and when it was altered anywhere', async () => {
    const sealed = await seal(old, 'user-1', value);
    expect(await unseal(stranger, 'user-1', sealed)).toMatchObject(unreadable);
    const [header = '', , iv = '', , tag = ''] = sealed.split('.');
    const places = [2, header.length + 3, header.length + iv.length + 5, -tag.length - 3, -tag.length + 2];
    for (const altered of [...alterations(sealed, places), '', 'a.b.c.d.e', sealed.slice(0, -5)]) {
      expect(await unseal(old, 'user-1', altered)).toMatchObject(unreadable);
    }
  });

  it('twice is never the same, so that nobody sees that two values are equal', async () => {
    expect(await seal(old, 'user-1', value)).not.toBe(await seal(old, 'user-1', value));
  });

  it('under a secret opens for who has that secret, with no other key', async () => {
    const sealed = await sealUnderSecret('the code', value);
    expect(sealed).not.toContain('very secret');
    expect(await unsealUnderSecret('the code', sealed)).toEqual(value);
    expect(await unsealUnderSecret('the cod', sealed)).toBeUndefined();
    expect(await unsealUnderSecret('the code', '')).toBeUndefined();
    for (const altered of alterations(sealed, [-30, -5])) {
      expect(await unsealUnderSecret('the code', altered)).toBeUndefined();
    }
  });
});

describe('a user id', () => {
  it('is the same for one (issuer, subject) always, whatever master key is current', async () => {
    const id = await userIdOf(old, 'https://login.acme.com', 'ada');
    expect(id).toMatch(/^[\w-]{32}$/);
    expect(await userIdOf(rotated, 'https://login.acme.com', 'ada')).toBe(id);
    expect(await isUserId(withoutOld, id)).toBe(true);
  });

  it('joins nobody: another issuer, another subject, another deployment, another cut of the two', async () => {
    const people = [
      [old, 'https://login.acme.com', 'ada'],
      [old, 'https://login.acme.com', 'Ada'],
      [old, 'https://login.acme.com/', 'ada'],
      [old, 'https://login.other.com', 'ada'],
      [old, 'https://login.acme.coma', 'da'],
      [old, 'local', 'ada'],
      [stranger, 'https://login.acme.com', 'ada'],
    ] as const;
    const ids = await Promise.all(
      people.map(([keyring, issuer, subject]) => userIdOf(keyring, issuer, subject)),
    );
    expect(new Set(ids).size).toBe(people.length);
  });

  it('says nothing of the person', async () => {
    const id = await userIdOf(old, 'local', 'ada');
    expect(atob(id.replaceAll('-', '+').replaceAll('_', '/'))).not.toContain('ada');
  });

  it('that this deployment did not make is recognized at once, changed anywhere or with another length', async () => {
    const id = await userIdOf(old, 'local', 'ada');
    expect(await isUserId(old, id)).toBe(true);
    const everywhere = alterations(
      id,
      [...id].map((_, place) => place),
    );
    for (const made of [...everywhere, '', `${id}A`, id.slice(1), ` ${id.slice(1)}`, `${id.slice(0, 31)}=`]) {
      expect(await isUserId(old, made)).toBe(false);
    }
    expect(await isUserId(stranger, id)).toBe(false);
  });

  it('is no flow id, and a flow id is no user id', async () => {
    expect(await flowIdExpiry(old, await userIdOf(old, 'local', 'ada'))).toBeUndefined();
    expect(await isUserId(old, await makeFlowId(old, 1))).toBe(false);
  });
});

describe('a flow id', () => {
  it.each([1, 255, 256, 1_800_000_000, 2 ** 32 + 7, 2 ** 40 - 1])('carries its end, %i', async (end) => {
    expect(await flowIdExpiry(old, await makeFlowId(old, end))).toBe(end);
  });

  it('is never made twice', async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, () => makeFlowId(old, 1_800_000_000)));
    expect(new Set(ids).size).toBe(50);
  });

  it("can't be given another end, nor made elsewhere", async () => {
    const id = await makeFlowId(old, 1_800_000_000);
    for (const altered of alterations(
      id,
      [...id].map((_, place) => place),
    )) {
      expect(await flowIdExpiry(old, altered)).toBeUndefined();
    }
    expect(await flowIdExpiry(stranger, id)).toBeUndefined();
    expect(await flowIdExpiry(old, '')).toBeUndefined();
    expect(await flowIdExpiry(old, `${id}=`)).toBeUndefined();
  });
});

describe('a signature', () => {
  it('holds for its text and purpose, under any key that is still named', async () => {
    const signature = await sign(old, 'csrf', 'text');
    expect(await verifySignature(old, 'csrf', 'text', signature)).toBe(true);
    expect(await verifySignature(rotated, 'csrf', 'text', signature)).toBe(true);
    expect(await verifySignature(withoutOld, 'csrf', 'text', signature)).toBe(false);
    expect(await verifySignature(old, 'csrf', 'Text', signature)).toBe(false);
    expect(await verifySignature(old, 'sign-in', 'text', signature)).toBe(false);
    expect(await verifySignature(old, 'csrf', 'text', '')).toBe(false);
    expect(await sign(rotated, 'csrf', 'text')).not.toBe(signature);
  });
});

describe('the small ones', () => {
  it('hash as everybody does', async () => {
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    expect(await sha256Hex('')).toBe(empty);
  });

  it('compare without a hint, and rightly', () => {
    expect(timingSafeEqual('same', 'same')).toBe(true);
    for (const other of ['samf', 'sam', '', 'same ']) expect(timingSafeEqual('same', other)).toBe(false);
  });

  it('make secrets of 256 bits, never twice', () => {
    const secrets = Array.from({ length: 100 }, randomSecret);
    expect(new Set(secrets).size).toBe(100);
    expect(secrets.every((secret) => /^[\w-]{43}$/.test(secret))).toBe(true);
  });

  it('give one client id for one metadata, and one seed for one key and purpose', async () => {
    expect(await clientIdOf(old, '{"a":1}')).toBe(await clientIdOf(rotated, '{"a":1}'));
    expect(await clientIdOf(old, '{"a":1}')).not.toBe(await clientIdOf(old, '{"a":2}'));
    expect(await deriveSeed(rotated, 'old', 'p')).toEqual(await deriveSeed(old, 'old', 'p'));
    expect(await deriveSeed(rotated, 'new', 'p')).not.toEqual(await deriveSeed(rotated, 'old', 'p'));
    expect(await deriveSeed(old, 'new', 'p')).toBeUndefined();
  });
});

describe('a callback’s id', () => {
  it('is always the same for a server and issuer, whatever master key is current, and another for others', async () => {
    const id = await callbackIdOf(old, 'notes', 'https://a.example');
    expect(id).toMatch(/^[\w-]{32}$/);
    expect(await callbackIdOf(rotated, 'notes', 'https://a.example')).toBe(id);
    const others = await Promise.all([
      callbackIdOf(old, 'notes', 'https://b.example'),
      callbackIdOf(old, 'notes', undefined),
      callbackIdOf(old, 'wiki', 'https://a.example'),
      callbackIdOf(stranger, 'notes', 'https://a.example'),
    ]);
    expect(new Set([id, ...others]).size).toBe(5);
    expect(atob(id.replace(/-/g, '+').replace(/_/g, '/'))).not.toContain('notes');
  });

  it('that somebody made up, or made for something else, is none', async () => {
    const id = await callbackIdOf(old, 'notes', 'https://a.example');
    expect(await isCallbackId(old, id)).toBe(true);
    expect(await isCallbackId(stranger, id)).toBe(false);
    expect(await isCallbackId(old, await userIdOf(old, 'https://a.example', 'ada'))).toBe(false);
    for (const altered of [...alterations(id, [0, 10, -2]), '', 'notes']) {
      expect(await isCallbackId(old, altered)).toBe(false);
    }
  });
});
