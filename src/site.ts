import type { Context } from 'hono';
import { isLoopbackHost, type Problem, parseSettings, type Settings, type SignInMethod } from './config';
import { type Keyring, makeKeyringText, parseKeyring } from './crypto';

/** The deployment as one request meets it: where it is, its settings, its keys. */
export interface Site {
  env: Env;
  settings: Settings;
  keyring: Keyring;
  /** The origin that clients see (`PUBLIC_URL`, else the request's own): issuer and base of every URL. */
  origin: string;
  /** Local development: the request came to a loopback host, through no proxy. */
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
    site: Site;
  }
}

/** The site that the first middleware of `app.ts` put there. */
export function siteOf(c: Context): Site {
  return c.var.site as Site;
}

/** Headers that only a proxy sets: with one of them, a loopback host proves nothing. */
const FORWARDING_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'via'];

/**
 * Reads the request's site, and what keeps it from being served. With problems the site's keyring may be
 * a throw-away one: the caller serves nothing but the page that tells the problems.
 */
export async function readSite(
  request: Request,
  env: Env,
  requestId: string,
): Promise<{ site: Site; problems: Problem[] }> {
  const { settings, problems } = settingsOf(env);
  const url = new URL(request.url);
  const origin = settings.publicUrl ?? url.origin;
  const secure = origin.startsWith('https:');
  const local =
    isLoopbackHost(url.hostname) &&
    isLoopbackHost(new URL(origin).hostname) &&
    !FORWARDING_HEADERS.some((name) => request.headers.has(name));
  const keys = await readKeyring(env, local);
  const methods = offeredMethods(settings, local);
  const found = [...problems, ...(keys.problem ? [keys.problem] : [])];
  if (methods.length === 0) found.push(NO_SIGN_IN);
  const cookiePrefix = secure ? '__Host-' : '';
  const site = { env, settings, origin, local, secure, cookiePrefix, methods, requestId } as const;
  return { site: { ...site, keyring: keys.keyring }, problems: found };
}

/** Where people sign in with no setting at all: on this computer, with any name. */
function offeredMethods(settings: Settings, local: boolean): SignInMethod[] {
  const { methods, oidc } = settings.signIn;
  const named = methods ?? (oidc.length > 0 ? ['oidc' as const] : ['local' as const]);
  return named.filter((method) => (method === 'local' ? local : method !== 'oidc' || oidc.length > 0));
}

const NO_SIGN_IN: Problem = {
  setting: 'SIGN_IN',
  problem: 'no way to sign in is set that works on a public host',
  fix: 'SIGN_IN = { oidc = [{ name = "acme", issuer = "https://…", client_id = "…" }] }',
};

const NO_KEYS: Problem = {
  setting: 'GATEHOUSE_KEYS',
  problem: 'the secret is not set',
  fix: 'npm run deploy makes it, or: npx wrangler secret put GATEHOUSE_KEYS',
};

/** The record that holds the master key of a bare `wrangler dev`: the one secret stored in clear. */
export const LOCAL_KEYS_RECORD = 'local-development-keys';

const cache = new WeakMap<object, { parsed?: ReturnType<typeof parseSettings>; keyring?: Promise<Keys> }>();
type Keys = { keyring: Keyring; problem?: Problem };

function cacheOf(env: Env) {
  const found = cache.get(env) ?? {};
  cache.set(env, found);
  return found;
}

function settingsOf(env: Env): ReturnType<typeof parseSettings> {
  const cached = cacheOf(env);
  cached.parsed ??= parseSettings(env as unknown as Record<string, unknown>);
  return cached.parsed;
}

async function readKeyring(env: Env, local: boolean): Promise<Keys> {
  const cached = cacheOf(env);
  if (!env.GATEHOUSE_KEYS && !local) return readKeyringText(undefined);
  cached.keyring ??= env.GATEHOUSE_KEYS
    ? Promise.resolve(readKeyringText(env.GATEHOUSE_KEYS))
    : localKeyring(env);
  return cached.keyring;
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
