import { describe, expect, test } from 'vitest';
import {
  Browser,
  callMcp,
  connect,
  gate,
  refresh,
  registerClient,
  textOf,
  tokensOf,
} from '../../fixtures/worker';
import { openConsent } from '../pages';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const CODE_AND_REFRESH = ['authorization_code', 'refresh_token'];
const CURSOR = 'cursor://anysphere.cursor-mcp/oauth/callback';

/** What each vendor's client sends when it registers. */
const REGISTRATIONS: [string, Record<string, unknown>][] = [
  [
    'Claude',
    {
      client_name: 'Claude',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
      grant_types: CODE_AND_REFRESH,
      scope: 'mcp:read mcp:write',
    },
  ],
  [
    'Claude Code',
    {
      client_name: 'Claude Code (gatehouse)',
      redirect_uris: ['http://localhost:54545/callback', 'http://127.0.0.1:54545/callback'],
      grant_types: CODE_AND_REFRESH,
    },
  ],
  [
    'ChatGPT',
    {
      client_name: 'ChatGPT',
      redirect_uris: [
        'https://chatgpt.com/connector_platform_oauth_redirect',
        'https://chatgpt.com/connector/oauth/AbC-12_x',
      ],
      grant_types: CODE_AND_REFRESH,
    },
  ],
  [
    'Cursor',
    {
      client_name: 'Cursor',
      redirect_uris: [
        'http://localhost:8787/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        CURSOR,
      ],
      grant_types: CODE_AND_REFRESH,
    },
  ],
  [
    'VS Code',
    {
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      redirect_uris: ['http://127.0.0.1:33418/', 'http://127.0.0.1/', 'https://vscode.dev/redirect'],
      grant_types: [...CODE_AND_REFRESH, DEVICE_CODE],
    },
  ],
  [
    'MCP Inspector',
    {
      client_name: 'MCP Inspector',
      client_uri: 'https://github.com/modelcontextprotocol/inspector',
      redirect_uris: ['http://localhost:6274/oauth/callback', 'http://127.0.0.1:6276/oauth/callback'],
      grant_types: CODE_AND_REFRESH,
      scope: 'mcp:read mcp:write',
    },
  ],
  [
    'mcp-remote',
    {
      client_name: 'MCP CLI Proxy',
      client_uri: 'https://github.com/modelcontextprotocol/mcp-cli',
      redirect_uris: ['http://localhost:3334/oauth/callback'],
      grant_types: CODE_AND_REFRESH,
      software_id: '2e6dc280-f3c3-4e01-99a7-8181dbd1d23d',
      software_version: '0.1.0',
    },
  ],
];

/** Requests that differ from what was registered, as real ones do. */
const OTHER_PORTS: [string, string][] = [
  ['Claude Code', 'http://localhost:61234/callback'],
  ['Claude Code', 'http://127.0.0.1:61234/callback'],
  ['VS Code', 'http://127.0.0.1:50123/'],
  ['MCP Inspector', 'http://127.0.0.1:6274/oauth/callback'],
  ['mcp-remote', 'http://localhost:49152/oauth/callback'],
  ['mcp-remote', 'http://127.0.0.1:3334/oauth/callback'],
];

const usable = REGISTRATIONS.flatMap(([vendor, { redirect_uris }]) =>
  (redirect_uris as string[]).filter((uri) => uri !== CURSOR).map((uri): [string, string] => [vendor, uri]),
);

const DOCUMENTS: [string, string, string][] = [
  ['Claude', 'https://claude.ai/oauth/mcp-oauth-client-metadata', 'https://claude.ai/api/mcp/auth_callback'],
  ['Claude', 'https://claude.ai/oauth/mcp-oauth-client-metadata', 'https://claude.com/api/mcp/auth_callback'],
  ['Claude Code', 'https://claude.ai/oauth/claude-code-client-metadata', 'http://localhost:61234/callback'],
  ['Claude Code', 'https://claude.ai/oauth/claude-code-client-metadata', 'http://127.0.0.1:61234/callback'],
  [
    'ChatGPT',
    'https://chatgpt.com/oauth/client.json',
    'https://chatgpt.com/connector_platform_oauth_redirect',
  ],
  ['ChatGPT', 'https://chatgpt.com/oauth/client.json', 'https://chatgpt.com/connector/oauth/AbC-12_x'],
  ['VS Code', 'https://vscode.dev/oauth/client-metadata.json', 'http://127.0.0.1:33418/'],
  ['VS Code', 'https://vscode.dev/oauth/client-metadata.json', 'http://127.0.0.1:50123/'],
  ['VS Code', 'https://vscode.dev/oauth/client-metadata.json', 'https://vscode.dev/redirect'],
];

/** Authorization, tokens, a call, a refresh and a call with what that gave. */
async function walk(client: { client_id: string; redirect_uri: string }): Promise<void> {
  const resource = 'http://localhost:8787/mcp';
  const request = { resource, scope: 'mcp:read mcp:write offline_access' };
  const connected = await connect({ client, request });
  const { callback, tokens } = connected;
  expect(callback.href.startsWith(client.redirect_uri)).toBe(true);
  expect(callback.searchParams.get('iss')).toBe('http://localhost:8787');
  expect(callback.searchParams.get('state')).toBe('a state');
  expect(tokens).toMatchObject({
    token_type: 'bearer',
    expires_in: 1800,
    resource,
    scope: 'mcp:read mcp:write',
  });
  expect((await callMcp(tokens.access_token)).status).toBe(200);
  const next = tokensOf(await refresh(connected, tokens.refresh_token));
  expect(next.refresh_token).not.toBe(tokens.refresh_token);
  expect((await callMcp(next.access_token)).status).toBe(200);
}

describe('a client that registers connects', () => {
  test.each([...usable, ...OTHER_PORTS])('%s by %s', async (vendor, redirect_uri) => {
    const metadata = REGISTRATIONS.find(([name]) => name === vendor)?.[1];
    const { client_id } = await registerClient({ response_types: ['code'], ...metadata });
    await walk({ client_id, redirect_uri });
  });
});

describe('a client that is known by its document connects while nobody can fetch that', () => {
  test.each(DOCUMENTS)('%s, %s by %s', async (_vendor, client_id, redirect_uri) => {
    await walk({ client_id, redirect_uri });
  });

  test.each([
    [
      'Claude',
      'https://claude.ai/oauth/mcp-oauth-client-metadata',
      'https://claude.ai/api/mcp/auth_callback',
    ],
    ['VS Code', 'https://vscode.dev/oauth/client-metadata.json', 'https://vscode.dev/redirect'],
  ])('and is shown with the domain that vouches for it: %s', async (_vendor, client_id, redirect_uri) => {
    const { page } = await openConsent({ client: { client_id, redirect_uri } });
    expect(textOf(page.html)).toContain(`${new URL(client_id).host} verified`);
    expect(textOf(page.html)).not.toContain('not verified');
  });

  test.each([
    ["somebody else's callback", 'https://evil.example/api/mcp/auth_callback'],
    ["another vendor's callback", 'https://vscode.dev/redirect'],
    ['a lookalike', 'https://claude.ai.evil.example/api/mcp/auth_callback'],
    ['a longer path', 'https://claude.ai/api/mcp/auth_callback/../../x'],
    ['a query of its own', 'https://claude.ai/api/mcp/auth_callback?to=evil'],
  ])('and is sent nowhere else: %s', async (_what, redirect_uri) => {
    const client_id = 'https://claude.ai/oauth/mcp-oauth-client-metadata';
    const page = await new Browser().visit(`/authorize?${new URLSearchParams({ client_id, redirect_uri })}`);
    expect([page.status, page.location]).toEqual([400, undefined]);
  });
});

test('Cursor is refused with a page where it asks to be sent to its private-use address', async () => {
  const metadata = REGISTRATIONS.find(([name]) => name === 'Cursor')?.[1];
  const { client_id } = await registerClient(metadata);
  const query = new URLSearchParams({ response_type: 'code', client_id, redirect_uri: CURSOR, state: 'x' });
  const page = await new Browser().visit(`/authorize?${query}`);
  expect([page.status, page.location]).toEqual([400, undefined]);
  expect(page.html).toContain('The return address doesn’t belong to this app');
});

test('a client without resource and scope gets the usual ones', async () => {
  const connected = await connect();
  expect(connected.tokens).toMatchObject({ resource: `${gate.origin}/mcp`, scope: 'mcp:read mcp:write' });
});
