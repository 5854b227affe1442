import { describe, expect, it, test } from 'vitest';
import { isKeyId, keyPartsOf, looksLikeKey, makeKey, parseKey } from '../../../src/account/keys/text';
import { withinTools } from '../../../src/account/keys/tools';
import { makeKeyringText, parseKeyring, userIdOf } from '../../../src/crypto';

async function someUser(): Promise<string> {
  const ring = parseKeyring(makeKeyringText('2026-11'));
  if (!ring.ok) throw new Error(ring.error.reason);
  return userIdOf(ring.value, 'local', 'Ada');
}

/** CRC-32 as the standards have it, bit by bit, and in base62: what a scanner would write. */
function checksum(text: string): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  let [rest, check] = [(crc ^ 0xffffffff) >>> 0, ''];
  for (; check.length < 6; rest = Math.floor(rest / 62)) check = digits[rest % 62] + check;
  return check;
}

describe('the text of a key', () => {
  it('tells whose it is and which, and comes back the same', async () => {
    const userId = await someUser();
    for (let i = 0; i < 50; i++) {
      const { text, keyId } = await makeKey(userId);
      expect(text).toMatch(/^gth_[0-9A-Za-z]{92}$/);
      expect(parseKey(text)).toEqual({ ok: true, value: { userId, keyId } });
      expect(isKeyId(keyId)).toBe(true);
    }
    expect(isKeyId('0123456789abcdef')).toBe(false);
  });

  it('has a checksum that anybody can compute', async () => {
    const { text } = await makeKey(await someUser());
    expect(checksum(text.slice(0, 90))).toBe(text.slice(90));
  });

  it('shows any letter that was mistyped, and any two that changed places', async () => {
    const { text } = await makeKey(await someUser());
    for (let at = 4; at < text.length; at++) {
      const other = text[at] === 'Q' ? 'R' : 'Q';
      const typed = text.slice(0, at) + other + text.slice(at + 1);
      expect(parseKey(typed).ok).toBe(false);
      const swapped = text.slice(0, at - 1) + text[at] + text[at - 1] + text.slice(at + 1);
      if (swapped !== text) expect(parseKey(swapped).ok).toBe(false);
    }
  });

  it('with digits that stand for more than 64 bytes is none, whatever its checksum', () => {
    const body = `gth_${'z'.repeat(86)}`;
    expect(parseKey(body + checksum(body))).toMatchObject({ ok: false, error: { reason: 'key_malformed' } });
  });

  it('is known by its beginning, to keep it from others', async () => {
    const { text, keyId } = await makeKey(await someUser());
    expect(keyPartsOf(`${text}, and more`)?.keyId).toBe(keyId);
    expect(keyPartsOf(`x${text}`)).toBeUndefined();
    expect(looksLikeKey('gth_')).toBe(true);
    expect(looksLikeKey('GTH_x')).toBe(false);
  });
});

test.each([
  [undefined, 'notes', 'read', true],
  [['notes_*'], 'notes', 'read', true],
  [['notes_*'], 'wiki', 'read', false],
  [['notes_read'], 'notes', 'read_all', false],
  [['*_read'], 'wiki', 'read', true],
  [[], 'notes', 'read', false],
])('a key held to the tools %j reaches %s_%s: %s', (tools, server, tool, reaches) => {
  expect(withinTools(tools, server, tool)).toBe(reaches);
});
