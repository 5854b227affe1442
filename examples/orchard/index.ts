import { OAuthProvider } from '@cloudflare/workers-oauth-provider';
import { createMcpHandler } from 'agents/mcp/server';
import type { Account } from './account';
import { SCOPE } from './authorize';
import { readLifetimes, shortenAnswer, shortenTokens } from './lifetimes';
import { isOnThisComputer } from './local';
import type { Orchard } from './orchard';
import { type PageEnv, pages } from './pages';
import { orchardServer } from './server';

export { Orchard } from './orchard';

/*
 * An orchard for each account. The server has an authorization server of its own, and every token belongs to one
 * account. Every caller, including the gate, is an OAuth client.
 */

interface OrchardEnv extends PageEnv {
  OAUTH_KV: KVNamespace;
  ORCHARD: DurableObjectNamespace<Orchard>;
  /** A number in the file, text when set by `--var`. */
  ACCESS_TOKEN_SECONDS: number | string;
}

/** The authorization server and MCP server at one origin, which depends on the port. */
function providerAt(origin: string, accessTokenTTL: number): OAuthProvider<OrchardEnv> {
  return new OAuthProvider<OrchardEnv>({
    apiRoute: '/mcp',
    apiHandler: { fetch: serve },
    defaultHandler: { fetch: (request, env) => pages.fetch(request, env) },
    authorizeEndpoint: '/authorize',
    tokenEndpoint: '/token',
    clientRegistrationEndpoint: '/register',
    clientIdMetadataDocumentEnabled: true,
    accessTokenTTL,
    scopesSupported: [SCOPE, 'offline_access'],
    requiredScopes: [SCOPE],
    resourceMetadata: { resource: `${origin}/mcp`, resource_name: 'The Orchard' },
  });
}

/** Answers an MCP request with an account's token, in either era of the protocol. */
function serve(request: Request, env: OrchardEnv, ctx: ExecutionContext): Promise<Response> {
  // As passed to `completeAuthorization`.
  const account = ctx.props as Account;
  const orchard = env.ORCHARD.getByName(account.id);
  return createMcpHandler(() => orchardServer(orchard, account.name))(request, env, ctx);
}

export default {
  async fetch(request, env, ctx) {
    if (!isOnThisComputer(request)) {
      const why = 'This example has no passwords, so it works only on this computer.';
      return new Response(`${why}\n`, { status: 403 });
    }
    const { origin, pathname } = new URL(request.url);
    const { issued, shortenBy } = readLifetimes(env.ACCESS_TOKEN_SECONDS);
    const view = { ...env, OAUTH_KV: shortenTokens(env.OAUTH_KV, shortenBy) };
    const response = await providerAt(origin, issued).fetch(request, view, ctx);
    return pathname === '/token' ? shortenAnswer(response, shortenBy) : response;
  },
} satisfies ExportedHandler<OrchardEnv>;
