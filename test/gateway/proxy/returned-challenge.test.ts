import { describe, expect, test } from 'vitest';
import { returnedChallenge } from '../../../src/gateway/proxy/returned-challenge';

const OURS = 'https://gate.example/.well-known/oauth-protected-resource/mcp/theirs';
const THEIRS = 'https://behind.internal/.well-known/x';

describe('a server’s challenge names our metadata, wherever and however it named its own', () => {
  test.each([
    ['one', `Bearer resource_metadata="${THEIRS}"`, `Bearer resource_metadata="${OURS}"`],
    [
      'with others around it',
      `Bearer error="invalid_token", resource_metadata="${THEIRS}", scope="a b"`,
      `Bearer error="invalid_token", resource_metadata="${OURS}", scope="a b"`,
    ],
    [
      'two challenges, or two headers',
      `Bearer resource_metadata="${THEIRS}", DPoP algs="ES256", resource_metadata="${THEIRS}"`,
      `Bearer resource_metadata="${OURS}", DPoP algs="ES256", resource_metadata="${OURS}"`,
    ],
    [
      'twice in one',
      `Bearer resource_metadata="${OURS}", resource_metadata="${THEIRS}"`,
      `Bearer resource_metadata="${OURS}"`,
    ],
    ['in capitals', `BEARER RESOURCE_METADATA="${THEIRS}"`, `Bearer resource_metadata="${OURS}"`],
    [
      'with spaces around it',
      `Bearer  resource_metadata  =  "${THEIRS}"`,
      `Bearer resource_metadata="${OURS}"`,
    ],
    ['as a token', 'Bearer resource_metadata=behind', `Bearer resource_metadata="${OURS}"`],
    [
      'without quotes, which is no challenge to the letter',
      `Bearer error="invalid_token", resource_metadata=${THEIRS}, scope="a"`,
      `Bearer error="invalid_token", scope="a", resource_metadata="${OURS}"`,
    ],
    ['in half a challenge', `Bearer resource_metadata="${THEIRS}`, `Bearer resource_metadata="${OURS}"`],
    [
      'with an escape in it',
      `Bearer resource_metadata="https:\\//behind"`,
      `Bearer resource_metadata="${OURS}"`,
    ],
    [
      'in another’s text',
      `Bearer realm="x, resource_metadata=\\"${THEIRS}\\"", scope="a"`,
      'Bearer scope="a"',
    ],
    [
      'behind another scheme',
      `Basic realm="x", Bearer resource_metadata="${THEIRS}"`,
      `Basic realm="x", Bearer resource_metadata="${OURS}"`,
    ],
    [
      'behind a token',
      `Negotiate abc=, Bearer resource_metadata="${THEIRS}"`,
      `negotiate abc=, Bearer resource_metadata="${OURS}"`,
    ],
  ])('%s', async (_how, said, returned) => {
    expect(await returnedChallenge(said, OURS)).toBe(returned);
  });

  test('however long it is', async () => {
    const said = `Bearer realm="${'x'.repeat(10_000)}", resource_metadata="${THEIRS}"`;
    expect(await returnedChallenge(said, OURS)).toBe(`Bearer resource_metadata="${OURS}"`);
  });
});

test('one that names none is as the server wrote it', async () => {
  for (const said of [
    'Basic realm="x"',
    'Digest realm="a", algorithm=MD5, stale=true',
    'Bearer',
    'nonsense,,=',
  ]) {
    expect(await returnedChallenge(said, OURS)).toBe(said);
  }
});

test('nothing of it gets out of its quotes', async () => {
  const said = `Bearer realm="a\\"b\\\\c", resource_metadata="${THEIRS}"`;
  expect(await returnedChallenge(said, OURS)).toBe(`Bearer realm="a\\"b\\\\c", resource_metadata="${OURS}"`);
});
