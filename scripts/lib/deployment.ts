/** A provider in `wrangler.toml`, for the message that asks for one. */
const EXAMPLE = `  [[vars.SIGN_IN.oidc]]
  name = "acme"
  issuer = "https://login.example.com"
  client_id = "…"`;

/**
 * Why nobody could sign in on a public host with these `[vars]` (a TOML table, or JSON text of one); undefined when
 * somebody can. The Worker itself checks the other settings and reports problems at `/health`.
 */
export function signInProblem(vars: Record<string, unknown>): string | undefined {
  const signIn = readTable(vars.SIGN_IN);
  if (signIn === undefined) return `SIGN_IN isn’t set. Add a sign-in provider:\n\n${EXAMPLE}`;
  if (signIn === null) return 'SIGN_IN is text that isn’t valid JSON.';
  const providers = Array.isArray(signIn.oidc) ? signIn.oidc : [];
  const methods: unknown[] | undefined = Array.isArray(signIn.methods) ? signIn.methods : undefined;
  // With keys or visitors, a provider is required only if the methods include oidc.
  const others = methods?.some((method) => method === 'key' || method === 'skip') === true;
  if (others && providers.length === 0 && !methods?.includes('oidc')) return undefined;
  if (providers.length === 0) return `SIGN_IN has no provider. Add one:\n\n${EXAMPLE}`;
  if (methods && !others && !methods.includes('oidc')) {
    return 'SIGN_IN.methods doesn’t include "oidc", and the other methods don’t work on a public host.';
  }
  const wrong = providers.findIndex((provider) => !isUsable(provider));
  if (wrong < 0) return undefined;
  return `SIGN_IN.oidc[${wrong}] needs a name, a client_id, and an issuer that starts with https://`;
}

/** The variables given as `--var NAME:value`, which override those of `wrangler.toml`. */
export function varsOfArguments(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((pair) => {
      const colon = pair.indexOf(':');
      return [pair.slice(0, colon), pair.slice(colon + 1)];
    }),
  );
}

/**
 * What `wrangler secret list` says about one secret: `set`, `missing` (also when the Worker doesn't exist yet), or
 * `unknown` when it failed for any other reason: then nothing must be written.
 */
export function secretState(
  name: string,
  run: { status: number | null; stdout: string; stderr: string },
): 'set' | 'missing' | 'unknown' {
  if (run.status !== 0)
    return /Worker "[^"]*".* not found/.test(run.stdout + run.stderr) ? 'missing' : 'unknown';
  try {
    const secrets: unknown = JSON.parse(run.stdout);
    if (!Array.isArray(secrets)) return 'unknown';
    return secrets.some((secret: { name?: unknown }) => secret.name === name) ? 'set' : 'missing';
  } catch {
    return 'unknown';
  }
}

function readTable(value: unknown): Record<string, unknown> | undefined | null {
  if (typeof value !== 'string') return value as Record<string, unknown> | undefined;
  try {
    return JSON.parse(value) as Record<string, unknown>;
  } catch {
    return null;
  }
}

function isUsable(provider: { name?: unknown; issuer?: unknown; client_id?: unknown } | null): boolean {
  return (
    typeof provider?.name === 'string' &&
    typeof provider.client_id === 'string' &&
    typeof provider.issuer === 'string' &&
    provider.issuer.startsWith('https://')
  );
}
