import { expect, it } from 'vitest';
import { readKeyOptions } from '../../scripts/lib/key-options';
import { signOperatorRequest } from '../../scripts/lib/operator';

const NOW = Date.UTC(2026, 10, 21, 12);

it('reads what the key is to be, and says nothing that nobody said', () => {
  expect(readKeyOptions(['--name', 'ci'], NOW)).toEqual({
    url: 'http://localhost:8787',
    envFile: undefined,
    request: { name: 'ci' },
  });
  const all = ['--name', 'ci', '--role', 'viewer', '--servers', 'notes, wiki,', '--groups', 'staff'];
  expect(readKeyOptions([...all, '--scope', 'mcp:read', '--expires', '30d'], NOW).request).toEqual({
    name: 'ci',
    role: 'viewer',
    servers: ['notes', 'wiki'],
    groups: ['staff'],
    scope: 'mcp:read',
    expires_in: 30 * 86_400,
  });
});

it('reads a day as its last second', () => {
  const { request } = readKeyOptions(['--name', 'ci', '--expires', '2026-11-21'], NOW);
  expect(request.expires_in).toBe(12 * 3600 - 1);
});

it.each([
  ['no name', []],
  ['a word that is none', ['--name', 'ci', '--nonsense']],
  ['no end', ['--name', 'ci', '--expires', 'soon']],
  ['a month that does not exist', ['--name', 'ci', '--expires', '2026-13-01']],
  ['a day that does not exist', ['--name', 'ci', '--expires', '2027-02-31']],
  ['a day that is over', ['--name', 'ci', '--expires', '2026-11-20']],
  ['servers that are none', ['--name', 'ci', '--servers', '']],
  ['no time at all', ['--name', 'ci', '--expires', '0d']],
  ['a gate that would send the key in clear', ['--name', 'ci', '--url', 'http://gate.example']],
  ['no address', ['--name', 'ci', '--url', 'gate.example']],
])('refuses %s before anything is sent', (_what, args) => {
  expect(() => readKeyOptions(args, NOW)).toThrow();
});

it.each(['', '[]', '{}', '{"ids":"x"}', 'nonsense'])(
  'signs nothing with keys that are none: %s',
  async (keys) => {
    await expect(signOperatorRequest(keys, { method: 'GET', path: '/', body: '' })).rejects.toThrow(
      'GATEHOUSE_KEYS',
    );
  },
);
