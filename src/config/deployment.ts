import { isolateCache } from '../caches';
import { remoteHeader } from '../caller';
import { type Keyring, makeKeyringText, parseKeyring } from '../crypto';
import { isLoopbackHost } from '../hosts';
import { quotable } from '../secret-text';
import type { SignInMethod } from './primitives';
import type { Problem, Settings } from './schemas';
import { parseSettings } from './settings';

/** The deployment as one request sees it: its origin, its settings, its keys. */
export interface Deployment {
  env: Env;
  settings: Settings;
  keyring: Keyring;
  /** The origin that clients see (`PUBLIC_URL`, else the request's own): issuer and base of every URL. */
  origin: string;
  /** Local development: the request came to a loopback host, and no header says that its caller is remote. */
  local: boolean;
  /** Whether the origin is https, so that cookies can be `Secure` and have the `__Host-` prefix. */
  secure: boolean;
  cookiePrefix: '__Host-' | '';
  /** The ways to sign in that are offered here. */
  methods: SignInMethod[];
  requestId: string;
  /** With `AUDIT.mode` = `strict`: what of this request is being stored in the trail, and whether that failed. */
  recording: { pending: Set<Promise<void>>; failed: boolean };
}

declare module 'hono' {
  interface ContextVariableMap {
    deployment: Deployment;
  }
}

/** What code that works for one request needs of hono's context; Durable Objects make one of their own. */
export interface RequestContext {
  var: { deployment: Deployment };
  env: Env;
  executionCtx: Pick<ExecutionContext, 'waitUntil'>;
}

/** The deployment of a request, which the first middleware of `app.ts` stores in the context. */
export function deploymentOf({ var: { deployment } }: Pick<RequestContext, 'var'>): Deployment {
  return deployment;
}

/** What a Durable Object needs from the Worker's request to see the same deployment ({@link deploymentAt}). */
export type RequestOrigin = Pick<Deployment, 'origin' | 'local' | 'requestId'>;

/** The deployment as the request saw it whose origin is given; for Durable Objects. */
export async function deploymentAt(
  env: Env,
  { origin, local, requestId }: RequestOrigin,
): Promise<Deployment> {
  const { settings } = settingsOf(env);
  const { keyring } = await readKeyring(env, local);
  return describeDeployment(env, settings, keyring, { origin, local, requestId });
}

/**
 * Reads the deployment of a request, and the problems that keep it from being served. With problems, the keyring may
 * be a temporary one: the caller then serves nothing but the page that lists the problems.
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

function describeDeployment(env: Env, settings: Settings, keyring: Keyring, at: RequestOrigin): Deployment {
  const secure = at.origin.startsWith('https:');
  const methods = offeredMethods(settings, at.local);
  const recording = { pending: new Set<Promise<void>>(), failed: false };
  return { env, settings, keyring, ...at, secure, cookiePrefix: secure ? '__Host-' : '', methods, recording };
}

/** The sign-in methods that work here; without any setting that is `local`, in local development only. */
function offeredMethods(settings: Settings, local: boolean): SignInMethod[] {
  const { methods, oidc } = settings.signIn;
  const named = methods ?? (oidc.length > 0 ? ['oidc' as const] : ['local' as const]);
  return named.filter((method) => (method === 'local' ? local : method !== 'oidc' || oidc.length > 0));
}

/** `remote`: the header that says that the caller of a loopback host is remote. */
function noSignIn(remote: string | undefined): Problem {
  const where =
    remote === undefined
      ? 'on a public host'
      : `for a remote caller, such as this one according to its header "${quotable(remote, 40)}"`;
  return {
    setting: 'SIGN_IN',
    problem: `no sign-in method is set that works ${where}`,
    fix: 'SIGN_IN = { oidc = [{ name = "acme", issuer = "https://…", client_id = "…" }] }',
  };
}

const NO_KEYS: Problem = {
  setting: 'GATEHOUSE_KEYS',
  problem: 'the secret isn’t set',
  fix: 'npm run deploy creates it, or run: npx wrangler secret put GATEHOUSE_KEYS',
};

/** The KV record with the master key of local development: the only secret that is stored unencrypted. */
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

/** The settings, for a Durable Object. */
export function objectSettings(env: Env): Settings {
  return settingsOf(env).settings;
}

/** The keys, for a Durable Object. A deployment without keys serves no requests, so none wakes an object. */
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
