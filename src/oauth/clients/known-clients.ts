const LOOPBACK_CALLBACKS = ['http://localhost/callback', 'http://127.0.0.1/callback'];

const CHATGPT = 'https://chatgpt.com/oauth/client.json';

/**
 * The metadata documents of well-known clients, for when their host doesn't answer us (some answer 403 to
 * cloud addresses); what can be fetched always comes first. As published on 2026-09-08, except that Claude
 * has both of its callbacks and VS Code the loopback one without a port.
 */
const KNOWN_DOCUMENTS = [
  publicClient('https://claude.ai/oauth/mcp-oauth-client-metadata', 'Claude', [
    'https://claude.ai/api/mcp/auth_callback',
    'https://claude.com/api/mcp/auth_callback',
  ]),
  publicClient('https://claude.ai/oauth/claude-code-client-metadata', 'Claude Code', LOOPBACK_CALLBACKS),
  chatgpt(CHATGPT, 'https://chatgpt.com/connector_platform_oauth_redirect'),
  publicClient('https://chatgpt.com/oauth/codex/client.json', 'Codex', LOOPBACK_CALLBACKS),
  publicClient('https://vscode.dev/oauth/client-metadata.json', 'Visual Studio Code', [
    'http://127.0.0.1:33418/',
    'http://127.0.0.1/',
    'https://vscode.dev/redirect',
  ]),
];

/** ChatGPT gives a connector that has a callback of its own a document of its own, by the same id. */
const CHATGPT_CONNECTOR = /^https:\/\/chatgpt\.com\/oauth\/([A-Za-z0-9_-]{1,128})\/client\.json$/;

/** Our copy of the document that a well-known client publishes at `url`; undefined for any other URL. */
export function knownDocument(url: string): unknown {
  const exact = KNOWN_DOCUMENTS.find((document) => document.client_id === url);
  if (exact) return exact;
  const [, connector] = CHATGPT_CONNECTOR.exec(url) ?? [];
  return connector && chatgpt(url, `https://chatgpt.com/connector/oauth/${connector}`);
}

/**
 * Redirects of a well-known client that vary in one path segment, `{id}`: ChatGPT comes back at an address
 * for each connector, whichever of its ids it uses.
 */
export function knownRedirectTemplates(url: string): string[] {
  return url === CHATGPT ? ['https://chatgpt.com/connector/oauth/{id}'] : [];
}

function publicClient(client_id: string, client_name: string, redirect_uris: string[]) {
  return {
    client_id,
    client_name,
    client_uri: new URL(client_id).origin,
    redirect_uris,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
}

function chatgpt(client_id: string, redirect_uri: string) {
  return {
    ...publicClient(client_id, 'ChatGPT', [redirect_uri]),
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    token_endpoint_auth_signing_alg: 'RS256',
    jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
  };
}
