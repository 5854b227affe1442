import type { Context } from 'hono';
import { type Identity, roleAt, SCOPES, scopesWithin } from '../account';
import { type Deployment, deploymentOf, type Role, type ServerSetting } from '../config';
import type { Tools } from './catalogue';
import { toolsOf } from './lists';
import { accessOf, judgeTool, type Reach } from './policy';
import type { Principal } from './principal';
import { passingView } from './view';

/** The titles of a server's tools, by what the tools do. */
export type ServerTools = Record<'read' | 'write' | 'destructive', string[]>;

/** The person who is asked for consent. */
interface Person {
  userId: string;
  identity: Identity;
  role: Role;
}

/**
 * The tools of each server that this person may use, for the consent page.
 *
 * @returns by the name of the server; without servers that don't list their tools in time or that aren't connected
 */
export async function surveyTools(
  c: Context,
  servers: ServerSetting[],
  person: Person,
): Promise<Map<string, ServerTools>> {
  const deployment = deploymentOf(c);
  const surveyed = await Promise.all(
    servers.map(async (server) => {
      const view = passingView(c, principalOf(person, deployment));
      const tools = await toolsOf(view, server);
      return tools && ([server.name, sortTools(deployment, server, person, tools)] as const);
    }),
  );
  return new Map(surveyed.filter((entry) => entry !== undefined));
}

function sortTools(
  { settings }: Deployment,
  server: ServerSetting,
  { identity }: Person,
  tools: Tools,
): ServerTools {
  const sorted: ServerTools = { read: [], write: [], destructive: [] };
  const role = roleAt(identity, server, settings) ?? 'viewer';
  const reach: Reach = { role, identity, scope: scopesWithin(role, SCOPES) };
  for (const tool of tools.byName.values()) {
    const access = accessOf(tool, server);
    if (access === 'hidden' || judgeTool(tool, server, reach).verdict === 'absent') continue;
    const hinted = tool.annotations?.title;
    sorted[access].push(tool.title ?? (typeof hinted === 'string' ? hinted : tool.name));
  }
  return sorted;
}

/** The person as a principal with the gate itself as client: before consent, no other client may act for them. */
function principalOf({ userId: id, identity, role }: Person, { origin, settings }: Deployment): Principal {
  const { name, email, email_verified } = identity;
  return {
    user: { id, name, email, email_verified },
    identity,
    client: { id: origin, name: settings.name },
    grantId: '',
    granted: ['mcp:read'],
    scope: ['mcp:read'],
    servers: [],
    role,
    expires_at: 0,
  };
}
