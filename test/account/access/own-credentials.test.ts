import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { containsKey, containsOwnCredential } from '../../../src/account/access/own-credentials';
import { makeKey } from '../../../src/account/keys/text';
import {
  type Keyring,
  makeFlowId,
  makeKeyringText,
  parseKeyring,
  randomSecret,
  userIdOf,
} from '../../../src/crypto';

function keyringOf(text: string): Keyring {
  const parsed = parseKeyring(text);
  if (!parsed.ok) throw new Error(parsed.error.reason);
  return parsed.value;
}
const ours = keyringOf(env.GATEHOUSE_KEYS ?? '');
const theirs = keyringOf(makeKeyringText('theirs'));

interface Secrets {
  key: string;
  token: string;
  signIn: string;
  visitor: string;
  device: string;
}

async function secretsOf(keyring: Keyring): Promise<Secrets> {
  const userId = await userIdOf(keyring, 'https://id.example', 'ada');
  const flowId = await makeFlowId(keyring, 2_000_000_000);
  return {
    key: (await makeKey(userId)).text,
    token: `${userId}:AbCdEfGh01234567:0123456789abcdefghijABCDEFGHIJ_-`,
    signIn: `${userId}.${crypto.randomUUID()}.${randomSecret()}.${randomSecret()}`,
    visitor: `${userId}.${randomSecret()}`,
    device: `${flowId}.${randomSecret()}`,
  };
}

let own: Secrets;
let foreign: Secrets;
beforeAll(async () => {
  [own, foreign] = [await secretsOf(ours), await secretsOf(theirs)];
});

const KINDS = ['key', 'token', 'signIn', 'visitor', 'device'] as const;

/** How a person or a program may write it. */
const WRITTEN: [string, (secret: string) => string][] = [
  ['by itself', (secret) => secret],
  ['as a bearer’s', (secret) => `Bearer ${secret}`],
  ['as a bearer’s, twice', (secret) => `Bearer Bearer ${secret}`],
  ['with another scheme', (secret) => `Token ${secret}`],
  ['with a scheme and no space', (secret) => `Bearer:${secret}`],
  ['as a parameter', (secret) => `Digest username="${secret}", realm="x"`],
  ['as an assignment', (secret) => `token=${secret}`],
  ['first in a list', (secret) => `Bearer ${secret}, Bearer other`],
  ['last in a list', (secret) => `Bearer other,Bearer ${secret}`],
  ['in quotes', (secret) => `Bearer "${secret}"`],
  ['in single quotes', (secret) => `'${secret}'`],
  ['in JSON', (secret) => JSON.stringify({ token: secret })],
  ['as Basic’s password', (secret) => `Basic ${btoa(`ada:${secret}`)}`],
  ['as Basic’s user', (secret) => `Basic ${btoa(`${secret}:`)}`],
  ['as Basic’s, without padding', (secret) => `Basic ${btoa(`x:${secret}`).replace(/=+$/, '')}`],
  ['in base64url', (secret) => btoa(`?>${secret}`).replace(/\+/g, '-').replace(/\//g, '_')],
  ['in base64 twice', (secret) => `Basic ${btoa(`u:${btoa(secret)}`)}`],
  ['in base64 behind other letters', (secret) => `xyz${btoa(secret)}`],
  ['as MCP encodes a header', (secret) => `=?base64?${btoa(secret)}?=`],
  ['percent-encoded', (secret) => encodeURIComponent(secret)],
  [
    'percent-encoded in full',
    (secret) => Array.from(secret, (c) => `%${c.charCodeAt(0).toString(16)}`).join(''),
  ],
  ['percent-encoded twice', (secret) => encodeURIComponent(encodeURIComponent(`a=b&c=${secret}`))],
  ['base64, percent-encoded', (secret) => encodeURIComponent(btoa(`:${secret}:`))],
  ['with a line’s fold in it', (secret) => `${secret.slice(0, 20)} ${secret.slice(20)}`],
  ['in a URL', (secret) => `https://x.example/?access_token=${secret}#a`],
  ['in a trace', (secret) => `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01,vendor=${secret}`],
];

describe.each(KINDS)('a %s of ours is found', (kind) => {
  it.each(WRITTEN)('%s', async (_how, write) => {
    expect(await containsOwnCredential(ours, write(own[kind]))).toBe(true);
  });

  // A fold in a key leaves a part that nobody can tell from one of ours.
  const whole = WRITTEN.filter(([how]) => kind !== 'key' || !how.includes('fold'));
  it.each(whole)('and another deployment’s is let through: %s', async (_how, write) => {
    expect(await containsOwnCredential(ours, write(foreign[kind]))).toBe(false);
  });
});

describe('a key that is not whole', () => {
  it.each([
    ['mistyped', (key: string) => `${key.slice(0, 50)}${key[50] === 'a' ? 'b' : 'a'}${key.slice(51)}`],
    ['mistyped at its beginning', (key: string) => `gth_${key[4] === '1' ? '2' : '1'}${key.slice(5)}`],
    ['cut', (key: string) => key.slice(0, 40)],
    ['longer', (key: string) => `${key}0`],
    ['in capitals', (key: string) => key.toUpperCase()],
  ])('counts as ours: %s', async (_how, change) => {
    expect(await containsOwnCredential(ours, `Bearer ${change(own.key)}`)).toBe(true);
    expect(containsKey(`Bearer ${change(own.key)}`)).toBe(true);
  });
});

it.each([
  'Bearer abc.def.ghi',
  'Bearer a:b:c',
  'Basic dXNlcjpwYXNz',
  'Bearer ghp_0123456789abcdefghijklmnopqrstuvwxyzAB',
  `Bearer eyJhbGciOiJSUzI1NiJ9.${'eyJzdWIiOiIxMjM0NTY3ODkwIn0'.repeat(20)}.${'A1_-'.repeat(86)}`,
  `Negotiate ${'YIIJvwYGKwYBBQUCoIIJszCC'.repeat(200)}`,
  `Bearer ${'A'.repeat(32)}:${'B'.repeat(16)}:${'C'.repeat(32)}`,
  `Bearer ${'A'.repeat(32)}.${'B'.repeat(43)}`,
  'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  'gth_',
  '%',
  '%%%zz',
  '',
])('leaves others’ credentials alone: %s', async (text) => {
  expect(await containsOwnCredential(ours, text)).toBe(false);
  expect(containsKey(text)).toBe(false);
});

it('takes no longer for a header that is made to be slow', async () => {
  const began = Date.now();
  for (const part of [
    'A',
    'gth_',
    `${'A'.repeat(32)}.${'B'.repeat(16)} `,
    `${'A1b2'.repeat(6)} `,
    '%25',
    '"\\',
    'QUJD',
  ]) {
    await containsOwnCredential(ours, part.repeat(Math.ceil(65_536 / part.length)));
  }
  expect(Date.now() - began).toBeLessThan(5000);
});
