import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Context } from 'hono';
import { roleAt, SCOPES, scopesWithin } from '../account';
import { record } from '../audit';
import type { Person, ServerTools } from '../authorization';
import type { ServerSetting } from '../config';
import { siteOf } from '../site';
import { readTools, type Tools } from './catalogue';
import { accessOf, judgeTool, type Reach } from './policy';
import type { Principal } from './principal';
import { authenticateToServer, callServer } from './upstream';

/** How long the consent page waits for a server's tools, in ms. */
const DEADLINE = 2_500;

/**
 * What each server offers this person, by what it does: titles, for the consent page. A server that doesn't
 * tell in time is left out, and so are tools that the person may never use.
 */
export async function surveyTools(
  c: Context,
  servers: ServerSetting[],
  person: Person,
): Promise<Map<string, ServerTools>> {
  const surveyed = await Promise.all(
    servers.map(async (server) => {
      const tools = await listWithin(c, server, person);
      return tools && ([server.name, sortTools(c, server, person, tools)] as const);
    }),
  );
  return new Map(surveyed.filter((entry) => entry !== undefined));
}

function sortTools(c: Context, server: ServerSetting, person: Person, tools: Tools): ServerTools {
  const sorted: ServerTools = { read: [], write: [], destructive: [] };
  const role = roleAt(person.identity, server, siteOf(c).settings) ?? 'viewer';
  const reach: Reach = { role, identity: person.identity, scope: scopesWithin(role, SCOPES) };
  for (const tool of tools.byName.values()) {
    const access = accessOf(tool, server);
    if (access === 'hidden' || judgeTool(tool, server, reach).verdict === 'absent') continue;
    sorted[access].push(tool.title ?? tool.annotations?.title ?? tool.name);
  }
  return sorted;
}

async function listWithin(c: Context, server: ServerSetting, person: Person): Promise<Tools | undefined> {
  const key = JSON.stringify([server.name, person.userId]);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it took too long')), DEADLINE);
  });
  try {
    return await Promise.race([readTools(key, () => listByClient(c, server, person)), late]);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    record(c, { event: 'tools_listed', outcome: 'failed', server: server.name, user: person.userId, detail });
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Asks as a client of the server would, in whichever era it speaks. */
async function listByClient(c: Context, server: ServerSetting, person: Person): Promise<Tools> {
  const { origin, settings } = siteOf(c);
  const client = new Client(
    { name: 'gatehouse', version: '0.1.0' },
    { versionNegotiation: { mode: 'auto' } },
  );
  const transport = new StreamableHTTPClientTransport(new URL(`https://${server.name}/mcp`), {
    fetch: async (_url, init) => {
      const headers = new Headers(init?.headers);
      const principal = principalOf(person, origin, settings.name);
      await authenticateToServer(siteOf(c), server, principal, headers);
      const body = typeof init?.body === 'string' ? new TextEncoder().encode(init.body) : undefined;
      const signal = init?.signal ?? c.req.raw.signal;
      const answer = await callServer(c, server, principal, {
        method: init?.method ?? 'GET',
        headers,
        body,
        signal,
      });
      if (typeof answer === 'string') throw new Error(answer);
      return answer;
    },
  });
  try {
    await client.connect(transport);
    const { tools } = await client.listTools();
    return { byName: new Map(tools.map((tool) => [tool.name, tool])), ttlMs: undefined };
  } finally {
    await transport.terminateSession().catch(() => undefined);
    await client.close();
  }
}

/** The person, with the gate itself as client: before consent nobody else may ask for them. */
function principalOf({ userId: id, identity, role }: Person, origin: string, name: string): Principal {
  const { email, email_verified } = identity;
  return {
    user: { id, name: identity.name, email, email_verified },
    identity,
    client: { id: origin, name },
    grantId: '',
    scope: ['mcp:read'],
    servers: [],
    role,
    expires_at: 0,
  };
}
