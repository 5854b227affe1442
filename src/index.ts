import { AccountObject } from './account';
import { app } from './app';
import { AuditLogObject } from './audit';
import { oauthConnector, rewrapConnections } from './connections';
import { PendingFlowObject } from './flow';
import { McpSessionObject } from './gateway';
import { libraryIssuer } from './oauth';
import { askAgain } from './sign-in';

/*
 * The Worker. Layers import downwards only; where a lower one needs what a higher one does, it is handed in here:
 * an `Account` issues tokens with the issuer of `oauth/`, renews its connections with the connector of
 * `connections/`, and asks sign-in providers again as `sign-in/` does.
 */

/** MCP servers inside this Worker, if any. */
export * from './servers';

/** One principal: its grants, tokens, browser sign-ins and connections. */
export class Account extends AccountObject {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, { issuer: libraryIssuer, connector: oauthConnector, askProvider: askAgain });
  }
}

/** One flow: a sign-in, an authorization request, or a device that is in progress. */
export class PendingFlow extends PendingFlowObject {}

/** The audit trail of one day. */
export class AuditLog extends AuditLogObject {}

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
