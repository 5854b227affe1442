import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../src/upstream/provider-fetch';
import { readTokenAnswer } from '../../src/upstream/token-answer';

describe('a token endpoint’s answer', () => {
  it.each([
    ['{"access_token":"a","expires_in":3600}', { access_token: 'a', expires_in: 3600, token_type: 'Bearer' }],
    [
      '{"access_token":"a","expires_in":"3600","token_type":"bearer"}',
      { access_token: 'a', expires_in: 3600, token_type: 'bearer' },
    ],
    [
      '{"access_token":"a","expires_in":null,"refresh_token":null,"scope":null}',
      { access_token: 'a', token_type: 'Bearer' },
    ],
    [
      '{"access_token":"a","expires_in":"soon","refresh_token":""}',
      { access_token: 'a', token_type: 'Bearer' },
    ],
    ['{"access_token":"a","expires_in":0}', { access_token: 'a', token_type: 'Bearer' }],
    ['{"access_token":"a","expires_in":-5}', { access_token: 'a', token_type: 'Bearer' }],
    ['{"access_token":"a","expires_in":1e400}', { access_token: 'a', token_type: 'Bearer' }],
    ['{"access_token":"a","scope":["x","y"]}', { access_token: 'a', scope: 'x y', token_type: 'Bearer' }],
    [
      '{"access_token":"a","scope":["x",null,"y"]}',
      { access_token: 'a', scope: 'x y', token_type: 'Bearer' },
    ],
    ['{"access_token":"a","scope":"x,y"}', { access_token: 'a', scope: 'x y', token_type: 'Bearer' }],
    ['{"access_token":"a","scope":"x, y, z"}', { access_token: 'a', scope: 'x y z', token_type: 'Bearer' }],
    ['{"access_token":"a","scope":"x,y z"}', { access_token: 'a', scope: 'x,y z', token_type: 'Bearer' }],
    [
      'access_token=a&expires_in=28800&scope=x%20y&token_type=bearer',
      { access_token: 'a', expires_in: 28_800, scope: 'x y', token_type: 'bearer' },
    ],
    [
      'error=bad_verification_code&error_description=no',
      { error: 'bad_verification_code', error_description: 'no' },
    ],
    ['{"error":"invalid_grant"}', { error: 'invalid_grant' }],
  ])('%s is read as what it says', (text, answer) => {
    expect(readTokenAnswer(text)).toEqual(answer);
  });

  it.each(['', '<html>', 'null', '[]', '"access_token"', 'a=b'])('%j is none', (text) => {
    expect(readTokenAnswer(text)).toBeUndefined();
  });
});

describe('Retry-After', () => {
  it.each([
    ['120', 120],
    ['0', 0],
    [null, undefined],
    ['soon', undefined],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ])('%j is %j seconds', (value, seconds) => {
    expect(parseRetryAfter(value)).toBe(seconds);
  });
});
