import { connectedAccount } from './account';
import { app } from './app';
import { oauthConnector, rewrapConnections } from './connections';
import { PendingFlowObject } from './flow';
import { McpSessionObject } from './gateway';
import { libraryIssuer } from './oauth';
import { askAgain } from './sign-in';

/*
 * The Worker. Layers import only from those below them. Where a lower layer needs what a higher one does, it is passed
 * in here: the `Account` object runs the token endpoint with the issuer of `oauth/`, refreshes its connections with the
 * connector of `connections/`, and rechecks with sign-in providers as `sign-in/` does.
 */

/** MCP servers inside this Worker, if any. */
export * from './servers';

/** One principal: its grants, tokens, browser sign-ins, and connections. */
export class Account extends connectedAccount(libraryIssuer, oauthConnector, askAgain) {}

/** One flow: a sign-in, an authorization request, or a device that is in progress. */
export class PendingFlow extends PendingFlowObject {}

/** One MCP session of the 2025 era at `/mcp`. */
export class McpSession extends McpSessionObject {
  protected override callSelf(request: Request): Promise<Response> {
    return Promise.resolve(app.fetch(request, this.env, this.ctx as unknown as ExecutionContext));
  }
}

export default {
  fetch: app.fetch,
  scheduled: (_, env, ctx) => ctx.waitUntil(rewrapConnections(env)),
} satisfies ExportedHandler<Env>;
