import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../src/config/settings';

/** What is wrong with a server of these settings: where, and what is said. */
function wrong(server: Record<string, unknown>): [string, string][] {
  const { problems } = parseSettings({
    SERVERS: [{ name: 'one', url: 'https://one.example/mcp', auth: 'oauth', ...server }],
  });
  return problems.map(({ setting, problem }) => [setting, problem]);
}

const [authorize_url, token_url] = ['https://a.example/authorize', 'https://a.example/token'];

describe('a server at which each user has an account of their own', () => {
  it.each([
    [{}],
    [{ scopes: 'a b' }],
    [{ client_id: 'ours' }],
    [{ authorization_servers: ['https://a.example'] }],
    [{ client_id: 'ours', authorize_url, token_url, revoke_url: 'https://a.example/revoke' }],
    [{ client_id: 'ours', authorize_url, token_url, token_endpoint_auth_method: 'client_secret_post' }],
    [{ resource: false, refresh_scope: true, scope_separator: ',', issuer_alias: 'https://a.example/v1' }],
    [{ refresh_scope: 'a b', token_path: 'authed_user.access_token' }],
    [{ authorize_parameters: { access_type: 'offline', prompt: 'consent' } }],
    [{ client_id: 'ours', authorize_url, token_url, resource: true }],
    [{ auth: 'passthrough', authorization_servers: ['https://a.example'], scopes: 'files:read files:write' }],
    [{ auth: 'api_key' }],
    [{ auth: 'api_key', header: 'X-Api-Key' }],
  ])('may be set as %j', (server) => {
    expect(wrong(server)).toEqual([]);
  });

  it.each([
    [{ authorize_url, client_id: 'ours' }, 'token_url', /set both or neither/],
    [{ token_url, client_id: 'ours' }, 'authorize_url', /set both or neither/],
    [{ authorize_url, token_url }, 'client_id', /is required with authorize_url and token_url/],
    [{ revoke_url: 'https://a.example/revoke' }, 'revoke_url', /is only for a server with authorize_url/],
    [{ url: undefined, entrypoint: 'Here' }, 'url', /nothing can be discovered/],
    [{ header: 'X-Api-Key' }, 'header', /sent in Authorization/],
    [{ name: 'callback' }, 'name', /must be another/],
    [{ auth: 'none', client_id: 'ours' }, 'client_id', /is only for auth oauth/],
    [{ auth: 'none', scopes: 'a' }, 'scopes', /passthrough with authorization_servers/],
    [
      { auth: 'passthrough', authorization_servers: ['https://a.example'], client_id: 'ours' },
      'client_id',
      /is only for auth oauth/,
    ],
    [{ auth: 'none', resource: false }, 'resource', /is only for auth oauth/],
    [{ auth: 'api_key', token_path: 'a' }, 'token_path', /is only for auth oauth/],
    [{ resource: 'no' }, 'resource', /true or false/],
    [{ refresh_scope: 7 }, 'refresh_scope', /true, false, or scopes/],
    [{ authorize_parameters: 'prompt=consent' }, 'authorize_parameters', /a table of texts/],
    [
      { authorize_parameters: { state: 'x', scope: 'a' } },
      'authorize_parameters',
      /must not have state, scope/,
    ],
    [{ token_path: 'a..b' }, 'token_path', /names separated by dots/],
    [{ scope_separator: ';' }, 'scope_separator', /" " or ","/],
    [
      { client_id: 'ours', authorize_url, token_url, issuer_alias: 'https://a.example' },
      'issuer_alias',
      /authorization_servers names/,
    ],
    [{ auth: 'api_key', scopes: 'a' }, 'scopes', /is only for auth oauth/],
    [
      { auth: 'api_key', authorization_servers: ['https://a.example'] },
      '',
      /is only for auth passthrough or oauth/,
    ],
    [{ client_id: 'ours', authorize_url: 'http://a.example/authorize', token_url }, 'authorize_url', /https/],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, 'token_endpoint_auth_method', /client_secret_basic/],
    [{ auth: 'api_key', identity: true }, '', /identity = true is only for/],
  ])('is refused as %j, with what would be right', (server, at, says) => {
    const [[setting, problem] = ['', '']] = wrong(server);
    expect(setting).toBe(at === '' ? 'SERVERS[0]' : `SERVERS[0].${at}`);
    expect(problem).toMatch(says);
  });
});
