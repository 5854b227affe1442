import { describe, expect, it } from 'vitest';
import { behaviorOf } from '../../../src/connections/discovery/profiles';

const ENTRA = 'https://login.microsoftonline.com/tenant/oauth2/v2.0/token';
const GOOGLE = 'https://oauth2.googleapis.com/token';
const SLACK = 'https://slack.com/api/oauth.v2.access';
const DROPBOX = 'https://api.dropboxapi.com/oauth2/token';

const NORMAL = {
  resource: true,
  refresh_scope: false,
  authorize_parameters: {},
  token_path: undefined,
  scope_separator: ' ',
  token_endpoint_auth_method: undefined,
  pkce: false,
};

describe('what a provider wants', () => {
  it.each([
    ['https://auth.example.com/token', {}],
    [ENTRA, { resource: false, refresh_scope: true, pkce: true }],
    ['https://login.microsoftonline.com/tenant/oauth2/token', {}],
    ['https://login.microsoftonline.com.evil.example/tenant/oauth2/v2.0/token', {}],
    [GOOGLE, { authorize_parameters: { access_type: 'offline', prompt: 'consent' } }],
    [DROPBOX, { authorize_parameters: { token_access_type: 'offline' } }],
    [SLACK, { token_path: 'authed_user.access_token', scope_separator: ',' }],
    ['https://slack.com/api/oauth.v2.user.access', {}],
  ])('at %s is known', (endpoint, wanted) => {
    expect(behaviorOf(undefined, endpoint)).toEqual({ ...NORMAL, ...wanted });
  });

  it('is overridden by the settings', () => {
    const set = { resource: true, refresh_scope: false, authorize_parameters: { prompt: 'none' } };
    expect(behaviorOf({ fixed: false, ...set }, ENTRA)).toMatchObject(set);
    expect(behaviorOf({ fixed: false, ...set }, GOOGLE).authorize_parameters).toEqual({
      access_type: 'offline',
      prompt: 'none',
    });
    expect(behaviorOf({ fixed: false, token_path: 'access_token' }, SLACK).token_path).toBe('access_token');
  });

  it('is only added to a request whose endpoints aren’t in the settings', () => {
    const fixed = { fixed: true };
    expect(behaviorOf(fixed, GOOGLE)).toEqual({ ...NORMAL, resource: false });
    expect(behaviorOf(fixed, ENTRA)).toMatchObject({ resource: false, refresh_scope: true });
    expect(behaviorOf({ fixed: true, resource: true }, GOOGLE).resource).toBe(true);
  });
});
