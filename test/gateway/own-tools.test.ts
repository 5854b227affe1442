import { describe, expect, test } from 'vitest';
import { callMcp, connect, registerClient } from '../fixtures/worker';

interface CallResult {
  content: { type: string; text: string }[];
  structuredContent: Record<string, unknown>;
}

async function whoami(options: Parameters<typeof connect>[0] = {}): Promise<CallResult> {
  const { tokens } = await connect(options);
  return (await callMcp(tokens.access_token)).body.result as CallResult;
}

describe('whoami', () => {
  test('answers user, client, scope, servers, role and end, and nothing else', async () => {
    const client = await registerClient({ client_name: 'Notes' });
    const user = { name: 'Ada Lovelace', email: 'ada@acme.example' };
    const { structuredContent } = await whoami({ client, user, scope: ['mcp:read'], expires: tomorrow() });
    expect(structuredContent).toEqual({
      user: {
        id: expect.stringMatching(/^[\w-]{32}$/),
        name: 'Ada Lovelace',
        email: 'ada@acme.example',
        email_verified: true,
      },
      client: 'Notes',
      scope: 'mcp:read',
      servers: [],
      role: 'owner',
      expires_at: `${tomorrow()}T23:59:59.000Z`,
    });
  });

  test('says the same as text', async () => {
    const { content, structuredContent } = await whoami();
    expect(content).toEqual([{ type: 'text', text: JSON.stringify(structuredContent) }]);
  });

  test('has null for an address that was not given', async () => {
    const { structuredContent } = await whoami({ user: { name: 'Bob' } });
    expect(structuredContent.user).toMatchObject({ name: 'Bob', email_verified: false });
  });

  test('knows one person by one id, whichever app asks, and two persons by two', async () => {
    const id = async (name: string) =>
      ((await whoami({ user: { name } })).structuredContent.user as { id: string }).id;
    const [ada, again, bob] = [await id('Ada'), await id('Ada'), await id('Bob')];
    expect(again).toBe(ada);
    expect(bob).not.toBe(ada);
  });

  test('gives a name back as it was typed', async () => {
    const name = '<b>"Ада" & 🦊</b>';
    const { structuredContent } = await whoami({ user: { name } });
    expect(structuredContent.user).toMatchObject({ name });
  });
});

test('every tool has what the connector directory wants of it', async () => {
  const { tokens } = await connect();
  const { result } = (await callMcp(tokens.access_token, { method: 'tools/list' })).body;
  const { tools } = result as { tools: { name: string; title: string; annotations: object }[] };
  expect(tools.length).toBeGreaterThan(0);
  for (const tool of tools) {
    expect(tool.name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
    expect(tool.title).toMatch(/./);
    expect(tool.annotations).toMatchObject({ readOnlyHint: expect.any(Boolean), title: tool.title });
  }
});

function tomorrow(): string {
  return new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
}
