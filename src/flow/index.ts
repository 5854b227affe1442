import type { Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { seconds } from '../clock';
import {
  flowIdExpiry,
  makeFlowId,
  randomSecret,
  seal,
  sha256Hex,
  sign,
  unseal,
  verifySignature,
} from '../crypto';
import { ok, type Refusal, type Result, refuse } from '../result';
import { type Site, siteOf } from '../site';
import type { FlowRefusal } from './object';

/** The face of `flow/`: what is under way in a browser. */
export {
  answerDevice,
  type DeviceAnswer,
  findDevice,
  type OpenedDevice,
  openDevice,
  pollDevice,
  readDevice,
} from './device';
export { type FlowRefusal, PendingFlowObject } from './object';
export { GUESS_WINDOW, readUserCode, showUserCode } from './user-codes';

/** What a flow is about. The rest of it belongs to the feature that opened it. */
export interface FlowData {
  kind: string;
  /** Where the browser goes once somebody is signed in: a path of ours. */
  return_to: string;
  /** The name of the client whose request waits, if one does. */
  client_name?: string;
}

/** A flow in the browser that it belongs to. */
export interface Flow<T extends FlowData = FlowData> {
  id: string;
  data: T;
  /** Proves that a form was made by us, for this flow and (where it matters) this user. */
  csrf(userId?: string): Promise<string>;
  checkCsrf(token: unknown, userId?: string): Promise<boolean>;
  /** Ends the flow; refused when it was ended before. */
  submit(): Promise<Result<null, Refusal<FlowRefusal>>>;
  /** Keeps a value sealed until {@link take}. */
  stage(name: string, value: unknown): Promise<Result<null, Refusal<FlowRefusal>>>;
  /** What was staged, once; undefined when there is nothing. */
  take<V>(name: string): Promise<V | undefined>;
}

/**
 * Opens a flow in this browser. It lives `TOKENS.flow` seconds, or `TOKENS.request` when nobody touches it.
 * `describe` makes its data from its id, so that `return_to` can name it.
 */
export async function openFlow(c: Context, describe: (id: string) => FlowData): Promise<string> {
  const site = siteOf(c);
  const now = seconds();
  const { flow: lifetime, request: untouched } = site.settings.tokens;
  const id = await makeFlowId(site.keyring, now + lifetime);
  const secret = randomSecret();
  await site.env.PENDING_FLOW.getByName(id).open({
    secretHash: await sha256Hex(secret),
    data: await seal(site.keyring, id, describe(id)),
    untouchedUntil: now + untouched,
    expiresAt: now + lifetime,
  });
  setCookie(c, cookieName(site, id), secret, {
    httpOnly: true,
    sameSite: 'Lax',
    path: '/',
    secure: site.secure,
    maxAge: lifetime,
  });
  return id;
}

/** The flow that a request names, if it belongs to this browser and can go on. */
export async function findFlow<T extends FlowData>(
  c: Context,
  id: string | undefined,
  options: { touch: boolean },
): Promise<Result<Flow<T>, Refusal<FlowRefusal>>> {
  const site = siteOf(c);
  const expiresAt = await flowIdExpiry(site.keyring, id ?? '');
  if (id === undefined || expiresAt === undefined) return refuse('flow_unknown');
  if (expiresAt <= Date.now() / 1000) return refuse('flow_expired');
  const secret = getCookie(c, cookieName(site, id));
  if (secret === undefined) return refuse('flow_other_browser');
  const hash = await sha256Hex(secret);
  const stub = site.env.PENDING_FLOW.getByName(id);
  const found = await stub.look(hash, options.touch);
  if (!found.ok) return found;
  const data = await unseal<T>(site.keyring, id, found.value);
  if (!data.ok) return refuse('flow_expired', 'its data can no longer be opened');

  const proof = (userId?: string) => [id, secret, userId ?? ''].join('\0');
  return ok({
    id,
    data: data.value,
    csrf: (userId) => sign(site.keyring, 'csrf', proof(userId)),
    checkCsrf: async (token, userId) =>
      typeof token === 'string' && verifySignature(site.keyring, 'csrf', proof(userId), token),
    submit: () => stub.submit(hash),
    stage: async (name, value) => stub.stage(hash, name, await seal(site.keyring, id, value)),
    take: async <V>(name: string) => {
      const taken = await stub.take(hash, name);
      if (!taken.ok || taken.value === null) return undefined;
      const opened = await unseal<V>(site.keyring, id, taken.value);
      return opened.ok ? opened.value : undefined;
    },
  });
}

/**
 * Whether this is the first time that something works once, such as an assertion's `jti`. Remembered until
 * `expiresAt` (seconds since the epoch). Callers verify a signature first: nobody fills this by guessing.
 */
export async function claimOnce(site: Site, what: string, expiresAt: number): Promise<boolean> {
  return site.env.PENDING_FLOW.getByName(`once:${await sha256Hex(what)}`).claim(expiresAt);
}

/** One cookie a flow, so that two tabs don't take each other's. */
function cookieName(site: Site, id: string): string {
  return `${site.cookiePrefix}gatehouse-flow-${id.slice(0, 12)}`;
}
