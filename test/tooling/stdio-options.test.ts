import { describe, expect, test } from 'vitest';
import { parseOptions } from '../../bin/stdio/options';
import { keepSecret, shown } from '../../bin/stdio/say';
import { startBridge } from '../fixtures/stdio';

const URL_GIVEN = 'https://mcp.example.com/mcp';
const KEY = { GATEHOUSE_KEY: 'gth_secret-of-ada' };

describe('the credential', () => {
  test.each([
    ['a key of the environment', [], KEY, { Authorization: 'Bearer gth_secret-of-ada' }],
    ['headers, as they are', ['--header', 'X-Api-Key:  a b=c: d'], {}, { 'X-Api-Key': 'a b=c: d' }],
    [
      'a key beside a header that is none',
      ['--header', 'X-Tenant: a'],
      KEY,
      { 'X-Tenant': 'a', Authorization: 'Bearer gth_secret-of-ada' },
    ],
  ])('is sent: %s', (_, args, env, headers) => {
    expect(parseOptions([URL_GIVEN, ...args], env)).toMatchObject({ kind: 'run', headers, login: undefined });
  });

  test('that is missing is reported, with the ways to give one, and ends it with 2', async () => {
    const bridge = startBridge([URL_GIVEN]);
    expect(await bridge.ended).toBe(2);
    for (const way of ['GATEHOUSE_KEY', '--login', '--header']) expect(bridge.log()).toContain(way);
    expect(bridge.received).toEqual([]);
  });

  test.each([
    [['--login'], KEY],
    [['--header', 'authorization: x'], KEY],
    [['--header', 'X-API-Key: x'], KEY],
    [['--header', 'Authorization: x', '--login'], {}],
  ])('is never chosen among two: %j', (args, env) => {
    const wrong = { kind: 'wrong', code: 1, says: expect.stringContaining('more than one credential') };
    expect(parseOptions([URL_GIVEN, ...args], env)).toMatchObject(wrong);
  });
});

test.each([
  [[], 'URL is missing'],
  [['mcp.example.com'], 'the URL isn’t valid'],
  [['http://mcp.example.com/mcp'], 'https://'],
  [['ftp://localhost/mcp'], 'https://'],
  [['https://ada:secret-word@mcp.example.com/mcp'], 'GATEHOUSE_KEY'],
  [[URL_GIVEN, 'secret-word'], 'more than one URL'],
  [[URL_GIVEN, '--key=secret-word'], "Unknown option '--key'"],
  [[URL_GIVEN, '--header', 'secret-word'], 'Name: value'],
  [[URL_GIVEN, '--header', 'X-A: secret-word\r\nX-B: 1'], 'Name: value'],
  [[URL_GIVEN, '--header', 'Mcp-Session-Id: secret-word'], 'isn’t allowed'],
  [[URL_GIVEN, '--header', 'A: 1', '--header', 'a: 2'], 'twice'],
  [[URL_GIVEN, '--header', 'A: 1', '--patience', 'long'], 'seconds'],
  [[URL_GIVEN, '--header', 'A: 1', '--scope', 'mcp:read'], '--login'],
])('a command line that is wrong is reported without what may be secret in it: %j', (args, says) => {
  const command = parseOptions(args, {});
  expect(command).toMatchObject({ kind: 'wrong', code: 1, says: expect.stringContaining(says) });
  expect(JSON.stringify(command)).not.toContain('secret-word');
});

test.each(['http://localhost:8787/mcp', 'http://127.0.0.1:8787/', 'http://[::1]:1/mcp'])(
  '%s may be plain http',
  (url) => {
    expect(parseOptions([url], KEY)).toMatchObject({ kind: 'run' });
  },
);

test('what is shown to a person holds no secret, and nothing that moves a terminal’s cursor', () => {
  keepSecret(['gth_secret-of-ada']);
  expect(shown('no: \u001b[2Jgth_secret-of-ada\u202e!\n')).toBe('no:  [2J[secret] !\n');
});
