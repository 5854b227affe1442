import { describe, expect, it } from 'vitest';
import { readClientDocument } from '../../../src/oauth/clients/document-rules';
import { isClientDocumentUrl } from '../../../src/oauth/clients/documents';
import { knownDocument } from '../../../src/oauth/clients/known-clients';
import { matchRedirectUri } from '../../../src/oauth/clients/redirect-uri';

/** Each vendor's id, its name, and redirect URIs that its requests really use. */
const VENDORS = [
  [
    'https://claude.ai/oauth/mcp-oauth-client-metadata',
    'Claude',
    ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
  ],
  [
    'https://claude.ai/oauth/claude-code-client-metadata',
    'Claude Code',
    ['http://localhost:54545/callback', 'http://127.0.0.1:54545/callback'],
  ],
  [
    'https://chatgpt.com/oauth/client.json',
    'ChatGPT',
    ['https://chatgpt.com/connector_platform_oauth_redirect'],
  ],
  [
    'https://chatgpt.com/oauth/AbC-12_x/client.json',
    'ChatGPT',
    ['https://chatgpt.com/connector/oauth/AbC-12_x'],
  ],
  ['https://chatgpt.com/oauth/codex/client.json', 'Codex', ['http://127.0.0.1:1455/callback']],
  [
    'https://vscode.dev/oauth/client-metadata.json',
    'Visual Studio Code',
    ['http://127.0.0.1:33418/', 'http://127.0.0.1:50123/', 'https://vscode.dev/redirect'],
  ],
] as const;

describe('our copies of well-known documents', () => {
  it.each(VENDORS)('let %s sign in as %s while its host refuses us', (url, name, redirectUris) => {
    expect(isClientDocumentUrl(url)).toBe(true);
    const client = readClientDocument(url, knownDocument(url));
    if (!client.ok) throw new Error(client.error.reason);
    expect(client.value).toMatchObject({ client_id: url, name, domain: new URL(url).host });
    expect(client.value.grant_types).toEqual(['authorization_code', 'refresh_token']);
    expect(client.value.auth_methods).toContain('none');
    for (const uri of redirectUris) expect(matchRedirectUri(uri, client.value.redirect_uris), uri).toBe(uri);
  });

  it("give ChatGPT's connector no other connector's callback", () => {
    const url = 'https://chatgpt.com/oauth/mine/client.json';
    const client = readClientDocument(url, knownDocument(url));
    if (!client.ok) throw new Error(client.error.reason);
    expect(client.value.redirect_uris).toEqual(['https://chatgpt.com/connector/oauth/mine']);
  });

  it('let ChatGPT sign with its published keys as well', () => {
    const url = 'https://chatgpt.com/oauth/client.json';
    expect(readClientDocument(url, knownDocument(url))).toMatchObject({
      value: {
        auth_methods: ['none', 'private_key_jwt'],
        assertion_keys: { jwks_uri: 'https://chatgpt.com/oauth/jwks.json', algorithms: ['RS256'] },
      },
    });
  });

  it.each([
    'https://claude.ai/oauth/mcp-oauth-client-metadata/',
    'https://claude.ai/oauth/mcp-oauth-client-metadata?x',
    'https://claude.ai.evil.example/oauth/mcp-oauth-client-metadata',
    'https://chatgpt.com/oauth/a/b/client.json',
    'https://chatgpt.com/oauth/../client.json',
    'https://evil.example/client.json',
  ])('vouch for nobody else: %s', (url) => {
    expect(knownDocument(url)).toBeUndefined();
  });
});
