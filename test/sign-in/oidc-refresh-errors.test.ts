import { describe, expect, test } from 'vitest';
import { judgeRefreshError, readProviderError } from '../../src/sign-in/oidc-refresh-errors';

function judge(status: number, body: object | string): string {
  const error = readProviderError(status, typeof body === 'string' ? body : JSON.stringify(body));
  return error ? judgeRefreshError(error) : 'not_now';
}

describe('the person may not come in any more', () => {
  test.each<[string, number, object | string]>([
    ['invalid_grant', 400, { error: 'invalid_grant' }],
    ['with 401', 401, { error: 'invalid_grant', error_description: 'no longer' }],
    ['with 200', 200, { error: 'invalid_grant' }],
    ['in upper case', 400, { error: 'INVALID_GRANT' }],
    ['as text', 400, 'invalid_grant'],
    ['as a sentence', 400, 'Error: invalid_grant (token revoked)'],
    ['as a form', 400, 'error=invalid_grant&error_description=revoked'],
    ['Google', 400, { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' }],
    [
      'Entra',
      400,
      { error: 'invalid_grant', error_description: 'AADSTS50057: The user account is disabled.' },
    ],
    [
      'disabled, whatever else it says',
      400,
      {
        error: 'interaction_required',
        error_description: 'AADSTS50057: The user account is disabled. Sign in again',
      },
    ],
    [
      'Dex',
      400,
      {
        error: 'invalid_request',
        error_description: 'Refresh token is invalid or has already been claimed by another client.',
      },
    ],
  ])('%s', (_what, status, body) => {
    expect(judge(status, body)).toBe('gone');
  });
});

describe('the person has to sign in again', () => {
  test.each<[string, number, object | string]>([
    ['interaction_required', 400, { error: 'interaction_required' }],
    ['login_required', 400, { error: 'login_required' }],
    ['consent_required', 401, { error: 'consent_required' }],
    ['as text', 400, 'login_required'],
    ['Auth0', 403, { error: 'mfa_required', mfa_token: 'x' }],
    [
      'Google',
      400,
      { error: 'invalid_grant', error_subtype: 'invalid_rapt', error_description: 'reauth related error' },
    ],
    ['MFA', 400, { error: 'invalid_grant', error_description: 'MFA needed' }],
    ['two factors', 400, { error: 'invalid_grant', error_description: 'Two-factor authentication required' }],
    [
      'Entra, by its words',
      400,
      {
        error: 'invalid_grant',
        error_description:
          'AADSTS50076: Due to a configuration change, you must use multi-factor authentication',
      },
    ],
    ['Entra, by its codes', 400, { error: 'invalid_grant', error_description: 'x', error_codes: [50079] }],
    ['a new password', 400, { error: 'invalid_grant', error_description: 'The password has expired' }],
    ['denied by a rule', 400, { error: 'access_denied', error_description: 'Policy evaluation failed' }],
  ])('%s', (_what, status, body) => {
    expect(judge(status, body)).toBe('sign_in_again');
  });
});

describe('nothing is said about the person', () => {
  test.each<[string, number, object | string]>([
    ['temporarily_unavailable', 400, { error: 'temporarily_unavailable' }],
    ['server_error', 400, { error: 'server_error', error_description: 'invalid_grant' }],
    ['the gate isn’t known', 401, { error: 'invalid_client', error_description: 'client disabled' }],
    ['scope', 400, { error: 'invalid_scope', error_description: 'consent' }],
    ['the request', 400, { error: 'invalid_request', error_description: 'missing parameter: grant_type' }],
    ['down', 503, { error: 'invalid_grant' }],
    ['busy', 429, 'invalid_grant'],
    ['a page', 400, `<html>${'x'.repeat(3000)} invalid_grant`],
    ['an answer', 200, { access_token: 'invalid_grant' }],
    ['an odd error', 400, { error: { code: 'invalid_grants' } }],
    ['nothing', 400, ''],
  ])('%s', (_what, status, body) => {
    expect(judge(status, body)).toBe('not_now');
  });
});
