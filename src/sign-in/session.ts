import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import {
  accountOf,
  findAccount,
  highestRole,
  type Identity,
  type KeyLimits,
  type KeyParts,
  type ProviderToken,
} from '../account';
import { deploymentOf, type Role } from '../config';
import { sha256Hex, sign, userIdOf, verifySignature } from '../crypto';
import { ok, type Result } from '../result';

/** Who is signed in at a browser. `role`: undefined when the settings give this person none. */
export interface SignedIn {
  userId: string;
  signInId: string;
  identity: Identity;
  role: Role | undefined;
  /** The access key that they signed in by: this browser may do no more than the key. Undefined: by no key. */
  key: KeyLimits | undefined;
}

/**
 * Signs the browser in as that person, by a signed cookie whose secret their `Account` knows. `token`: to ask their
 * provider again with. Returns the user id.
 */
export async function startSignIn(c: Context, identity: Identity, token?: ProviderToken): Promise<string> {
  const deployment = deploymentOf(c);
  const userId = await userIdOf(deployment.keyring, identity.issuer, identity.subject);
  const ttl = deployment.settings.tokens.sign_in;
  const account = accountOf(deployment.env, userId);
  const userAgent = c.req.header('user-agent') ?? '';
  const signIn = await account.signIn(userId, identity, { userAgent, ttl }, token);
  await keepCookie(c, userId, { ...signIn, ttl });
  return userId;
}

/**
 * Signs the browser in as the owner of an access key, limited to what the key may do, until the key ends. `text`: the
 * key. Refused as `key_unknown`, `key_revoked`, `key_expired` or `sso_required`.
 */
export async function startSignInByKey(
  c: Context,
  { userId, keyId }: KeyParts,
  text: string,
): Promise<Result<{ userId: string; key: KeyLimits }>> {
  const { env, settings } = deploymentOf(c);
  const browser = { userAgent: c.req.header('user-agent') ?? '', ttl: settings.tokens.sign_in };
  const signedIn = await accountOf(env, userId).signInByKey(keyId, await sha256Hex(text), browser);
  if (!signedIn.ok) return signedIn;
  await keepCookie(c, userId, signedIn.value);
  return ok({ userId, key: signedIn.value.key });
}

async function keepCookie(
  c: Context,
  userId: string,
  { id, secret, ttl }: { id: string; secret: string; ttl: number },
): Promise<void> {
  const value = [userId, id, secret].join('.');
  const signature = await sign(deploymentOf(c).keyring, 'sign-in', value);
  setCookie(c, cookieName(c), `${value}.${signature}`, { ...attributes(c), maxAge: ttl });
}

/** Who is signed in at this browser; undefined when nobody is, or the sign-in was ended from another browser. */
export async function currentSignIn(c: Context): Promise<SignedIn | undefined> {
  const deployment = deploymentOf(c);
  const cookie = await readCookie(c);
  const account = cookie && (await findAccount(deployment, cookie.userId));
  if (!cookie || !account) return undefined;
  const checked = await account.checkSignIn(cookie.signInId, cookie.secret);
  if (!checked.ok) return undefined;
  const { userId, signInId } = cookie;
  const { identity, key } = checked.value;
  return { userId, signInId, identity, role: highestRole(identity, deployment.settings), key };
}

/** Signs the browser out; the person's grants stay. Returns the user id, undefined when nobody was signed in. */
export async function endSignIn(c: Context): Promise<string | undefined> {
  const deployment = deploymentOf(c);
  const cookie = await readCookie(c);
  deleteCookie(c, cookieName(c), attributes(c));
  const account = cookie && (await findAccount(deployment, cookie.userId));
  if (!cookie || !account) return undefined;
  await account.endSignIn(cookie.signInId);
  return cookie.userId;
}

async function readCookie(c: Context) {
  const [userId, signInId, secret, signature, rest] = (getCookie(c, cookieName(c)) ?? '').split('.');
  if (!userId || !signInId || !secret || !signature || rest !== undefined) return undefined;
  const value = [userId, signInId, secret].join('.');
  const genuine = await verifySignature(deploymentOf(c).keyring, 'sign-in', value, signature);
  return genuine ? { userId, signInId, secret } : undefined;
}

function cookieName(c: Context): string {
  return `${deploymentOf(c).cookiePrefix}gatehouse-sign-in`;
}

function attributes(c: Context) {
  return { httpOnly: true, sameSite: 'Lax', path: '/', secure: deploymentOf(c).secure } as const;
}
