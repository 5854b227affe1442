import { describe, expect, it } from 'vitest';
import { initialOf, plain, Say, say, shown } from '../../../src/ui/words/sentence';

describe('names from outside', () => {
  it('cannot reorder the words around them', async () => {
    const sentence = say`${'\u202eedualC'} wants in`;
    expect(String(await (<Say sentence={sentence} />))).toBe('<bdi>edualC</bdi> wants in');
    expect(plain(sentence)).toBe('edualC wants in');
  });

  it('cannot fill the page, break out of their line or paint over others', () => {
    expect(shown('x'.repeat(10_000))).toHaveLength(80);
    expect(shown('🦊'.repeat(200))).toBe(`${'🦊'.repeat(79)}…`);
    expect(shown('two\r\nlines\u0000\u2066')).toBe('two lines');
    expect(shown(`Z${'\u0335'.repeat(50)}algo`)).toBe('Z\u0335\u0335\u0335algo');
  });

  it('stay whole when they are ordinary, in any script', () => {
    for (const name of ['Claude: the app', 'مساعد', '👩‍👩‍👧 family', 'עברית\u200f!'])
      expect(shown(name)).toBe(name);
  });

  it('are never clipped where they are a host, which would hide whose it is', () => {
    const host = `accounts.example.${'a'.repeat(200)}.evil.example`;
    expect(plain(say`goes to ${host}`)).toBe(`goes to ${host}`);
  });
});

describe('initialOf', () => {
  it('takes the first character as a reader sees it', () => {
    expect(['claude', '👩‍👩‍👧 family', ' ش', ''].map(initialOf)).toEqual(['C', '👩‍👩‍👧', 'ش', '?']);
  });
});
