/** What the Worker is bound to (`wrangler.toml`), and secrets. Settings are read by `config.ts` alone. */
declare namespace Cloudflare {
  interface Env {
    OAUTH_KV: KVNamespace;
    ACCOUNT: DurableObjectNamespace<import('./index').Account>;
    PENDING_FLOW: DurableObjectNamespace<import('./index').PendingFlow>;
    MCP_SESSION: DurableObjectNamespace<import('./index').McpSession>;
    GATEHOUSE_KEYS?: string;
  }
}
interface Env extends Cloudflare.Env {}
