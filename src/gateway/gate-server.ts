import {
  type CallToolResult,
  type ListToolsResult,
  ProtocolError,
  ProtocolErrorCode,
  Server,
} from '@modelcontextprotocol/server';
import type { Context } from 'hono';
import { siteOf } from '../site';
import { callMerged, type MergedTool, mergeTools, serversOf } from './merged';
import { describePrincipal, WHOAMI } from './own-tools';
import type { Principal } from './principal';

const VERSION = '0.1.0';

/**
 * The MCP server at `/mcp`, for one request of one principal: the gate's own tools and those of all servers
 * that the grant holds. `called`: the server's tool that the request calls, already found and judged.
 */
export function gateServer(c: Context, principal: Principal, called?: MergedTool): Server {
  const { name: title } = siteOf(c).settings;
  const server = new Server({ name: 'gatehouse', title, version: VERSION }, { capabilities: { tools: {} } });
  server.setRequestHandler('tools/list', async () => {
    const { tools } = await mergeTools(c, principal);
    return { tools: [WHOAMI, ...tools] } as ListToolsResult;
  });
  server.setRequestHandler('tools/call', async ({ params }, ctx) => {
    if (params.name === WHOAMI.name) return whoami(c, principal);
    if (!called) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
    return callMerged(c, principal, called, params, ctx);
  });
  return server;
}

async function whoami(c: Context, principal: Principal): Promise<CallToolResult> {
  const servers = serversOf(c, principal).map(({ name }) => name);
  const { missing } = await mergeTools(c, principal);
  const described = describePrincipal({ ...principal, servers });
  const structuredContent = missing.length === 0 ? described : { ...described, unavailable: missing };
  return { structuredContent, content: [{ type: 'text', text: JSON.stringify(structuredContent) }] };
}
