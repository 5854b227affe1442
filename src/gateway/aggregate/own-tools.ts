import type { CallToolResult } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { words } from '../../ui';
import type { Principal } from '../../upstream';

const whoamiOutput = z.object({
  user: z.object({
    id: z.string(),
    name: z.string(),
    email: z.string().optional(),
    email_verified: z.boolean(),
  }),
  client: z.string(),
  scope: z.string(),
  servers: z.array(z.string()),
  role: z.string(),
  expires_at: z.string(),
  unavailable: z.array(z.string()).optional(),
});

/** The gate's own tool, as it is listed. `unavailable` in its answer: servers that don't list their tools now. */
export const WHOAMI = {
  name: 'whoami',
  title: 'Who am I?',
  description:
    'Tells who is signed in: the user with name and address, the client, the scopes and servers that ' +
    'were allowed, the role, and when the permission ends. Names servers that do not answer just now.',
  inputSchema: z.toJSONSchema(z.object({})),
  outputSchema: z.toJSONSchema(whoamiOutput),
  annotations: {
    title: 'Who am I?',
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
};

/** The only tool of a session without a credential (`UNAUTHENTICATED = "authorize_tool"`). */
export const AUTHORIZE = {
  name: 'authorize',
  title: words.authorizeTool.title,
  description: words.authorizeTool.description,
  inputSchema: z.toJSONSchema(z.object({})),
  annotations: {
    title: words.authorizeTool.title,
    readOnlyHint: true,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: true,
  },
};

/** The result of {@link AUTHORIZE}: the link, and the code that the person must see on its page. */
export function askToAuthorize({ link, code }: { link: string; code: string }): CallToolResult {
  return { content: [{ type: 'text', text: words.authorizeTool.answer(link, code) }] };
}

/** Leaves out `email` when there is none. */
function withoutUndefined({ email, ...user }: Principal['user']) {
  return email === undefined ? user : { ...user, email };
}

/** The structured result of `whoami`, without `unavailable`. Times are in RFC 3339. */
export function describePrincipal(principal: Principal): z.infer<typeof whoamiOutput> {
  const { user, client, scope, servers, role, expires_at } = principal;
  return {
    user: withoutUndefined(user),
    client: client.name,
    scope: scope.join(' '),
    servers,
    role,
    expires_at: new Date(expires_at * 1000).toISOString(),
  };
}
