import { z } from 'zod';
import type { Principal } from '../principal';

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
  unavailable: z.array(z.string()).optional(),
});

/** The gate's own tool, as it is listed. `unavailable` of its answer: servers that don't answer now. */
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

/** What `whoami` answers. Times in RFC 3339. */
export function describePrincipal(principal: Principal): z.infer<typeof whoamiOutput> {
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
