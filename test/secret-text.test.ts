import { describe, expect, it } from 'vitest';
import { makeKey } from '../src/account/keys/text';
import { quotable } from '../src/secret-text';

const USER = 'X8CkKHHcgQiM-nLtReaHTf-MexUJqR6O';
const TOKEN = `${USER}:AbCdEfGh01234567:${'aB3'.repeat(10)}Zz`;
const COOKIE = `${USER}.1b4e28ba-2fa1-11d2-883f-0016d3cca427.${'aB3_-'.repeat(8)}xyz.${'Qw9'.repeat(14)}`;

describe('what others wrote, quoted in a log line or an error', () => {
  it.each([
    ['a tool name of 1 MB', 'x'.repeat(1_000_000)],
    ['an Origin of 200 characters', `https://${'e'.repeat(200)}.example`],
    ['characters of two units each', '🦊'.repeat(500)],
    ['spaces', ' '.repeat(5000)],
  ])('is at most 100 characters long: %s', (_what, text) => {
    expect(quotable(text).length).toBeLessThanOrEqual(100);
    expect(quotable(text).isWellFormed()).toBe(true);
  });

  it('stands there as it is when it is short and plain', () => {
    for (const text of ['notes_read', 'https://claude.ai', 'Ада 🦊 שלום', ''])
      expect(quotable(text)).toBe(text);
  });

  it('is one line, without what moves or hides text', () => {
    const text = 'a\r\nb\0c\u001b[31md\u202Ee\u2028f\u2029g\u200Bh\u0085i';
    expect(quotable(text)).toBe('a b c [31md e f g h i');
  });

  it('has a mark for a key, wherever it stands and whatever is left of it', async () => {
    const { text: key } = await makeKey(USER);
    for (const [text, shown] of [
      [key, '[key]'],
      [`Bearer ${key}`, 'Bearer [key]'],
      [`x${key}y`, 'x[key]'],
      [key.slice(0, 40), '[key]'],
      [key.toUpperCase(), '[key]'],
      [`?q=${key}&k=${key}`, '?q=[key]&k=[key]'],
      [`${'a'.repeat(60)} ${key}`, `${'a'.repeat(60)} [key]`],
      [`${'a '.repeat(46)}${key}`, `${'a '.repeat(46)}[key]`],
    ] as const) {
      expect(quotable(text)).toBe(shown);
    }
  });

  it('never ends in the middle of a key or a token', async () => {
    const { text: key } = await makeKey(USER);
    for (let before = 0; before < 110; before++) {
      for (const secret of [key, TOKEN]) {
        const shown = quotable('a '.repeat(before) + secret);
        expect(shown).not.toMatch(/gth_|X8CkK/);
      }
    }
  });

  it('has a mark for tokens, codes, cookies and signed things', () => {
    expect(quotable(`token ${TOKEN}!`)).toBe('token [token]!');
    expect(quotable(`https://app.example/cb?code=${encodeURIComponent(TOKEN)}&state=1`)).toBe(
      'https://app.example/cb?code=[token]&state=1',
    );
    expect(quotable(encodeURIComponent(encodeURIComponent(TOKEN)))).toBe('[token]');
    expect(quotable(COOKIE)).not.toMatch(/aB3|Qw9/);
    const jwt = `eyJhbGciOiJIUzI1NiJ9.${'eyJzdWIiOiIx'.repeat(5)}.${'Sig9'.repeat(12)}`;
    expect(quotable(jwt)).toBe('[token]');
    expect(quotable(`ticket=eyJhbGciOiJkaXIifQ..aaaaaaaa.bbbbbbbb.cccc&x`)).toBe('ticket=[token]&x');
  });

  it('leaves long names alone, which are no secrets', () => {
    const name = 'notes_search_in_all_documents_of_the_workspace_by_full_text_2';
    expect(quotable(name)).toBe(name);
    const id = '1b4e28ba-2fa1-11d2-883f-0016d3cca427';
    expect(quotable(id)).toBe(id);
    expect(quotable(USER)).toBe(USER);
  });

  it('takes no longer for hostile text', () => {
    const began = Date.now();
    for (const part of ['gth_', 'a', ':', '%25', 'aB1', '\0', `${USER}:`]) quotable(part.repeat(2_000_000));
    expect(Date.now() - began).toBeLessThan(2000);
  });
});
