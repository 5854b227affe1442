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
