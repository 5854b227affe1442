import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Principal } from './principal';

const whoamiOutput = z.object({
  user: z.object({
    id: z.string(),
    name: z.string(),
    email: z.string().nullable(),
    email_verified: z.boolean(),
  }),
  client: z.string(),
  scope: z.string(),
  servers: z.array(z.string()),
  role: z.string(),
  expires_at: z.string(),
});

/** The MCP server with the gate's own tools, for one request of one principal. */
export function ownServer(principal: Principal, deployment: { name: string; version: string }): McpServer {
  const server = new McpServer({ name: 'gatehouse', title: deployment.name, version: deployment.version });
  server.registerTool(
    'whoami',
    {
      title: 'Who am I?',
      description:
        'Tells who is signed in: the user with name and address, the client, the scopes and servers that ' +
        'were allowed, the role, and when the permission ends.',
      inputSchema: z.object({}),
      outputSchema: whoamiOutput,
      annotations: {
        title: 'Who am I?',
        readOnlyHint: true,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: false,
      },
    },
    async () => {
      const structuredContent = describePrincipal(principal);
      return { structuredContent, content: [{ type: 'text', text: JSON.stringify(structuredContent) }] };
    },
  );
  return server;
}

function describePrincipal(principal: Principal): z.infer<typeof whoamiOutput> {
  const { user, client, scope, servers, role, expires_at } = principal;
  return {
    user: { ...user, email: user.email ?? null },
    client: client.name,
    scope: scope.join(' '),
    servers,
    role,
    expires_at: new Date(expires_at * 1000).toISOString(),
  };
}
