import { expect, it } from 'vitest';
import { type EndpointRefusal, toOAuthError } from '../../../src/oauth/protocol/oauth-error';

it.each<[EndpointRefusal, number, string]>([
  [{ reason: 'code_missing' }, 400, 'invalid_request'],
  [{ reason: 'code_replayed' }, 400, 'invalid_grant'],
  [{ reason: 'refresh_replayed', detail: 'said to the log alone' }, 400, 'invalid_grant'],
  [{ reason: 'provider_slow' }, 503, 'temporarily_unavailable'],
  [{ reason: 'client_id_missing' }, 401, 'invalid_client'],
  [{ reason: 'grant_type_not_registered' }, 400, 'unauthorized_client'],
  [{ reason: 'grant_type_unknown' }, 400, 'unsupported_grant_type'],
  [{ reason: 'scope_not_granted' }, 400, 'invalid_scope'],
  [{ reason: 'target_unknown' }, 400, 'invalid_target'],
  [{ reason: 'authorization_pending' }, 400, 'authorization_pending'],
  [{ reason: 'device_code_expired', detail: 'code_expired' }, 400, 'expired_token'],
  [{ reason: 'assertion_expired', presented_as: 'subject_token' }, 400, 'invalid_request'],
  [{ reason: 'assertion_expired', presented_as: 'assertion' }, 400, 'invalid_grant'],
])('answers %o with %i and %s, and says nothing else of it', (refusal, status, error) => {
  expect(toOAuthError(refusal)).toEqual({ status, error, error_description: expect.any(String) });
  expect(toOAuthError(refusal).error_description).not.toContain(refusal.detail ?? refusal.reason);
});

it("answers with the library's own error, without the tag that is for the log", () => {
  const explained = {
    error: 'invalid_scope',
    error_description: 'None of the requested scopes were granted',
  };
  const refusal = { reason: 'refresh-token-grant/scope_not_granted' as const, ...explained };
  expect(toOAuthError(refusal)).toEqual({ status: 400, ...explained });
});
