import type { Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { seconds } from '../clock';
import { type Deployment, deploymentOf } from '../config';
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
import { checkLimit, sourceOf } from '../limits';
import { ok, type Refusal, type Result, refuse } from '../result';
import type { PageResult } from '../ui';
import type { FlowRefusal } from './object';
import { enterPool } from './pools';

/** The data that every flow has. The feature that opens a flow adds its own. */
export interface FlowData {
  kind: string;
  /** Where the browser goes after sign-in: a path on our own origin. */
  return_to: string;
  /** The name of the client whose request is waiting, if there is one. */
  client_name?: string;
}

/** A flow in the browser that it belongs to. */
export interface Flow<T extends FlowData = FlowData> {
  id: string;
  data: T;
  /** A token for a form, which proves that we made the form for this flow and, if given, for this user. */
  csrf(userId?: string): Promise<string>;
  checkCsrf(token: unknown, userId?: string): Promise<boolean>;
  /** Ends the flow; refused as `flow_submitted` when it has ended before. */
  submit(): Promise<Result<null, Refusal<FlowRefusal>>>;
  /**
   * Ends the flow and returns the staged values, by name, whose names begin with `prefix`. Values that can no longer be
   * decrypted are left out.
   */
  submitTaking<V>(prefix: string): Promise<Result<Map<string, V>, Refusal<FlowRefusal>>>;
  /** The names of staged values that begin with `prefix`. */
  listStaged(prefix: string): Promise<string[]>;
  /** Drops all staged values, for when another person continues the flow. */
  dropStaged(): Promise<Result<null, Refusal<FlowRefusal>>>;
  /** Stores a value, sealed, until {@link take}. */
  stage(name: string, value: unknown): Promise<Result<null, Refusal<FlowRefusal>>>;
  /** Returns a staged value and removes it; undefined when there is none. */
  take<V>(name: string): Promise<V | undefined>;
  /** Returns a staged value and keeps it; undefined when there is none. */
  peek<V>(name: string): Promise<Result<V | undefined, Refusal<FlowRefusal>>>;
}

/**
 * Opens a flow in this browser. It lives `TOKENS.flow` seconds, or `TOKENS.request` when nobody touches it.
 * `describe` makes its data from its id, so that `return_to` can name it. Refused as `too_many_requests` when too many
 * are opened from the same source.
 */
export async function startFlow<T extends FlowData>(
  c: Context,
  describe: (id: string) => T,
): Promise<PageResult<Flow<T>>> {
  const within = await checkLimit(c, 'flows');
  if (!within.ok) return within;
  const deployment = deploymentOf(c);
  const now = seconds();
  const { flow: lifetime, request: untouched } = deployment.settings.tokens;
  const id = await makeFlowId(deployment.keyring, now + lifetime);
  const secret = randomSecret();
  const data = describe(id);
  const entry = { id, from: await sourceOf(c), expiresAt: now + lifetime };
  const entered = await enterPool(deployment, 'flows', entry);
  for (const dropped of entered.ok ? entered.value : []) {
    await deployment.env.PENDING_FLOW.getByName(dropped).discard();
  }
  await deployment.env.PENDING_FLOW.getByName(id).open({
    secretHash: await sha256Hex(secret),
    data: await seal(deployment.keyring, id, data),
    untouchedUntil: now + untouched,
    expiresAt: now + lifetime,
  });
  setCookie(c, cookieName(deployment, id), secret, {
    httpOnly: true,
    sameSite: 'Lax',
    path: '/',
    secure: deployment.secure,
    maxAge: lifetime,
  });
  return ok(await holdFlow(deployment, id, secret, data));
}

/**
 * The flow that a request names. `touch`: whether somebody is at work in it, so that it goes on for `TOKENS.flow`.
 * Refused when it is unknown, expired, another browser's or submitted before; each reason is a {@link PageResult}'s.
 */
export async function findFlow<T extends FlowData>(
  c: Context,
  id: string | undefined,
  options: { touch: boolean },
): Promise<Result<Flow<T>, Refusal<FlowRefusal>>> {
  const deployment = deploymentOf(c);
  const expiresAt = await flowIdExpiry(deployment.keyring, id ?? '');
  if (id === undefined || expiresAt === undefined) return refuse('flow_unknown');
  if (expiresAt <= Date.now() / 1000) return refuse('flow_expired');
  const secret = getCookie(c, cookieName(deployment, id));
  if (secret === undefined) return refuse('flow_other_browser');
  const hash = await sha256Hex(secret);
  const found = await deployment.env.PENDING_FLOW.getByName(id).look(hash, options.touch);
  if (!found.ok) return found;
  const data = await unseal<T>(deployment.keyring, id, found.value);
  if (!data.ok) return refuse('flow_expired', 'its data can no longer be decrypted');
  return ok(await holdFlow(deployment, id, secret, data.value));
}

/** A flow, for the browser that has its secret. */
export async function holdFlow<T extends FlowData>(
  { env, keyring }: Deployment,
  id: string,
  secret: string,
  data: T,
): Promise<Flow<T>> {
  const hash = await sha256Hex(secret);
  const stub = env.PENDING_FLOW.getByName(id);
  const proof = (userId?: string) => [id, secret, userId ?? ''].join('\0');
  const open = async <V>(found: Result<string | null, Refusal<FlowRefusal>>): Promise<V | undefined> => {
    if (!found.ok || found.value === null) return undefined;
    const opened = await unseal<V>(keyring, id, found.value);
    return opened.ok ? opened.value : undefined;
  };
  return {
    id,
    data,
    csrf: (userId) => sign(keyring, 'csrf', proof(userId)),
    checkCsrf: async (token, userId) =>
      typeof token === 'string' && verifySignature(keyring, 'csrf', proof(userId), token),
    submit: () => stub.submit(hash),
    submitTaking: async <V>(prefix: string) => {
      const taken = await stub.submitTaking(hash, prefix);
      if (!taken.ok) return taken;
      const values = new Map<string, V>();
      for (const { name, sealed } of taken.value) {
        const opened = await open<V>(ok(sealed));
        if (opened !== undefined) values.set(name, opened);
      }
      return ok(values);
    },
    listStaged: async (prefix) => {
      const listed = await stub.listStaged(hash, prefix);
      return listed.ok ? listed.value : [];
    },
    dropStaged: async () => stub.dropStaged(hash),
    stage: async (name, value) => stub.stage(hash, name, await seal(keyring, id, value)),
    take: async (name) => open(await stub.take(hash, name)),
    peek: async <V>(name: string) => {
      const found = await stub.peek(hash, name);
      return found.ok ? ok(await open<V>(found)) : found;
    },
  };
}

/** Each flow has a cookie of its own, so that two tabs don't overwrite each other's. */
export function cookieName(deployment: Deployment, id: string): string {
  return `${deployment.cookiePrefix}gatehouse-flow-${id.slice(0, 12)}`;
}
