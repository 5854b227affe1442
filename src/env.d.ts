/** The Worker's bindings (`wrangler.toml`) and secrets. Settings are read only in `config/`. */
declare namespace Cloudflare {
  interface Env {
    OAUTH_KV: KVNamespace;
    ACCOUNT: DurableObjectNamespace<import('./index').Account>;
    PENDING_FLOW: DurableObjectNamespace<import('./index').PendingFlow>;
    MCP_SESSION: DurableObjectNamespace<import('./index').McpSession>;
    AUDIT_LOG: DurableObjectNamespace<import('./index').AuditLog>;
    GATEHOUSE_KEYS?: string;
    // `[[ratelimits]]`: without its binding, a limit isn't applied (src/limits).
    RATE_REGISTRATIONS?: RateLimit;
    RATE_AUTHORIZATIONS?: RateLimit;
    RATE_DOCUMENTS?: RateLimit;
    RATE_FLOWS?: RateLimit;
    RATE_DEVICES?: RateLimit;
    RATE_TOKENS?: RateLimit;
    RATE_VISITORS?: RateLimit;
    RATE_SESSIONS?: RateLimit;
    RATE_FAILURES?: RateLimit;
    RATE_REQUESTS?: RateLimit;
    RATE_CALLS?: RateLimit;
    RATE_CLIENT_CALLS?: RateLimit;
  }
}
interface Env extends Cloudflare.Env {}
