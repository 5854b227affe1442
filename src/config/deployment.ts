import { isolateCache } from '../caches';
import { remoteHeader } from '../caller';
import { type Keyring, makeKeyringText, parseKeyring } from '../crypto';
import { isLoopbackHost } from '../hosts';
import { quotable } from '../secret-text';
import type { SignInMethod } from './primitives';
import type { Problem, Settings } from './schemas';
import { parseSettings } from './settings';

/** The deployment as one request meets it: where it is, its settings, its keys. */
export interface Deployment {
  env: Env;
  settings: Settings;
  keyring: Keyring;
  /** The origin that clients see (`PUBLIC_URL`, else the request's own): issuer and base of every URL. */
  origin: string;
  /** Local development: the request came to a loopback host, and nothing says that its caller is elsewhere. */
  local: boolean;
  /** Whether the origin is https, so that cookies can be `Secure` and have the `__Host-` prefix. */
  secure: boolean;
  cookiePrefix: '__Host-' | '';
  /** The ways to sign in that are offered here. */
  methods: SignInMethod[];
  requestId: string;
}

declare module 'hono' {
  interface ContextVariableMap {
    deployment: Deployment;
  }
}

/** Whatever is done for one request: its context, or as much of one as an object makes of it. */
export interface RequestContext {
  var: { deployment: Deployment };
  env: Env;
  executionCtx: Pick<ExecutionContext, 'waitUntil'>;
}

/** The site that the first middleware of `app.ts` put there. */
export function deploymentOf({ var: { deployment } }: Pick<RequestContext, 'var'>): Deployment {
  return deployment;
}

/** Where a request met the site: what an object has to be told to see the same one. */
export type RequestOrigin = Pick<Deployment, 'origin' | 'local' | 'requestId'>;

/** The site as a request met it that was served at `place`. */
export async function deploymentAt(
  env: Env,
  { origin, local, requestId }: RequestOrigin,
): Promise<Deployment> {
  const { settings } = settingsOf(env);
  const { keyring } = await readKeyring(env, local);
  return describeDeployment(env, settings, keyring, { origin, local, requestId });
}

/** The resource of a server, where clients reach it by this gate. */
export function serverResourceAt({ origin }: Pick<Deployment, 'origin'>, server: { name: string }): string {
  return `${origin}/mcp/${server.name}`;
}

/**
 * Reads the request's site, and what keeps it from being served. With problems the site's keyring may be
 * a throw-away one: the caller serves nothing but the page that tells the problems.
 */
export async function readDeployment(
  request: Request,
  env: Env,
  requestId: string,
): Promise<{ deployment: Deployment; problems: Problem[] }> {
  const { settings, problems } = settingsOf(env);
  const url = new URL(request.url);
  const origin = settings.publicUrl ?? url.origin;
  const loopback = isLoopbackHost(url.hostname) && isLoopbackHost(new URL(origin).hostname);
  const remote = loopback ? remoteHeader(request.headers) : undefined;
  const local = loopback && remote === undefined;
  const keys = await readKeyring(env, local);
  const deployment = describeDeployment(env, settings, keys.keyring, { origin, local, requestId });
  const found = [...problems, ...(keys.problem ? [keys.problem] : [])];
  if (deployment.methods.length === 0) found.push(noSignIn(remote));
  return { deployment, problems: found };
}

function describeDeployment(
  env: Env,
  settings: Settings,
  keyring: Keyring,
  place: RequestOrigin,
): Deployment {
  const secure = place.origin.startsWith('https:');
  const methods = offeredMethods(settings, place.local);
  return { env, settings, keyring, ...place, secure, cookiePrefix: secure ? '__Host-' : '', methods };
}

/** Where people sign in with no setting at all: on this computer, with any name. */
function offeredMethods(settings: Settings, local: boolean): SignInMethod[] {
  const { methods, oidc } = settings.signIn;
  const named = methods ?? (oidc.length > 0 ? ['oidc' as const] : ['local' as const]);
  return named.filter((method) => (method === 'local' ? local : method !== 'oidc' || oidc.length > 0));
}

/** `remote`: the header that says that the caller of a loopback host is elsewhere. */
function noSignIn(remote: string | undefined): Problem {
  const where =
    remote === undefined
      ? 'on a public host'
      : `for a caller elsewhere, as the header "${quotable(remote, 40)}" says this one is`;
  return {
    setting: 'SIGN_IN',
    problem: `no way to sign in is set that works ${where}`,
    fix: 'SIGN_IN = { oidc = [{ name = "acme", issuer = "https://…", client_id = "…" }] }',
  };
}

const NO_KEYS: Problem = {
  setting: 'GATEHOUSE_KEYS',
  problem: 'the secret is not set',
  fix: 'npm run deploy makes it, or: npx wrangler secret put GATEHOUSE_KEYS',
};

/** The record that holds the master key of a bare `wrangler dev`: the one secret stored in clear. */
export const LOCAL_KEYS_RECORD = 'local-development-keys';

type Parsed = ReturnType<typeof parseSettings>;
type Keys = { keyring: Keyring; problem?: Problem };

const parsedOf = isolateCache<Parsed>('settings');
const ALL = 'all';
const keyringsOf = isolateCache<Promise<Keys>>('keyrings');

function settingsOf(env: Env): Parsed {
  const known = parsedOf(env).get(ALL);
  if (known) return known;
  const parsed = parseSettings(env as unknown as Record<string, unknown>);
  parsedOf(env).set(ALL, parsed);
  return parsed;
}

async function readKeyring(env: Env, local: boolean): Promise<Keys> {
  const text = env.GATEHOUSE_KEYS || undefined;
  if (text === undefined && !local) return readKeyringText(undefined);
  const known = keyringsOf(env).get(text ?? '');
  if (known) return known;
  const keys = text === undefined ? localKeyring(env) : Promise.resolve(readKeyringText(text));
  keyringsOf(env).set(text ?? '', keys);
  return keys;
}

/**
 * The keys, for a Durable Object: it is woken by requests that were served, and those that lack keys are not.
 */
export async function objectKeyring(env: Env): Promise<Keyring> {
  return (await readKeyring(env, true)).keyring;
}

function readKeyringText(text: string | undefined): Keys {
  const parsed = parseKeyring(text || makeKeyringText('none'));
  if (parsed.ok) return text ? { keyring: parsed.value } : { keyring: parsed.value, problem: NO_KEYS };
  const problem = { ...NO_KEYS, problem: parsed.error.detail ?? parsed.error.reason };
  return { ...readKeyringText(undefined), problem };
}

async function localKeyring(env: Env): Promise<Keys> {
  const stored = await env.OAUTH_KV.get(LOCAL_KEYS_RECORD);
  if (stored) return readKeyringText(stored);
  const made = makeKeyringText('local');
  await env.OAUTH_KV.put(LOCAL_KEYS_RECORD, made);
  return readKeyringText(made);
}
