import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { accountOf, type Identity, VISITOR } from '../account';
import { seconds } from '../clock';
import { type Deployment, deploymentOf } from '../config';
import { randomSecret, sha256Hex, timingSafeEqual, userIdOf } from '../crypto';
import { enterPool, keepInPool } from '../flow';
import { checkLimit, sourceOf } from '../limits';
import { ok } from '../result';
import { type PageResult, refusePage, words } from '../ui';

/** Characters of a label: what marks it as a visitor's must never be cut off where a page shortens names. */
const LONGEST_LABEL = 40;
/** Seconds that a browser keeps a cookie at most. */
const LONGEST_COOKIE = 400 * 86_400;

/** Seconds for which a visitor counts as one who has something here, where that has no end of its own. */
const CONNECTED_FOR = 31_536_000;

/**
 * Who the visitor at this browser is. The browser keeps a secret, whose hash is the visitor's subject: as long as it
 * keeps the secret it is the same visitor, and nobody else can be. `label`: what they call themselves, which proves
 * nothing. Refused as `too_many_requests` or `visitors_full`, both by source.
 */
export async function welcomeVisitor(c: Context, label: string): Promise<PageResult<Identity>> {
  const known = await knownVisitor(c);
  const state = known && (await accountOf(c.env, known.userId).visitorState());
  const back = state?.moved ? undefined : known;
  const secret = back?.secret ?? randomSecret();
  const within = back ? ok(null) : await checkLimit(c, 'visitors');
  if (!within.ok) return within;
  const subject = await sha256Hex(secret);
  const left = Object.values((back && state?.left) ?? {}).some((names) => names.length > 0);
  const entered = await enterVisitors(c, subject, left);
  if (!entered.ok) return entered;
  await keepCookie(c, subject, secret);
  const name = labelled(label) ?? (back && state?.identity?.name) ?? words.visitor.unnamed;
  return ok({
    provider: VISITOR,
    issuer: VISITOR,
    subject,
    name,
    email: undefined,
    email_verified: false,
    groups: [],
  });
}

/**
 * Counts a visitor, also one who comes back. `left`: whether they have something here. Of a source that has too many,
 * the oldest without anything here is forgotten; where all have something, it is `visitors_full`.
 */
async function enterVisitors(c: Context, subject: string, left: boolean): Promise<PageResult<null>> {
  const deployment = deploymentOf(c);
  const id = await userIdOf(deployment.keyring, VISITOR, subject);
  const expiresAt = seconds() + deployment.settings.tokens.sign_in;
  const entered = await enterPool(deployment, 'visitors', { id, from: await sourceOf(c), expiresAt });
  if (!entered.ok) return refusePage('visitors_full', { detail: entered.error.reason });
  if (left) await keepInPool(deployment, 'visitors', id, seconds() + CONNECTED_FOR);
  for (const dropped of entered.value) await accountOf(deployment.env, dropped).forgetVisitor();
  return ok(null);
}

/**
 * A visitor has something here now, so that no newer one takes their place in the pool; nothing for anybody else.
 * `until`: seconds since the epoch.
 */
export async function keepVisitor(
  deployment: Pick<Deployment, 'env'>,
  { userId, identity }: { userId: string; identity: Pick<Identity, 'provider'> },
  until = seconds() + CONNECTED_FOR,
): Promise<void> {
  if (identity.provider === VISITOR) await keepInPool(deployment, 'visitors', userId, until);
}

/** The visitor that this browser is or was, by its cookie; undefined when it has none that we made. */
export async function knownVisitor(c: Context): Promise<{ userId: string; secret: string } | undefined> {
  const [userId, secret, rest] = (getCookie(c, cookieName(c)) ?? '').split('.');
  if (!userId || !secret || rest !== undefined) return undefined;
  // Only we can make the id that belongs to a secret: a made-up cookie wakes no object.
  const genuine = await userIdOf(deploymentOf(c).keyring, VISITOR, await sha256Hex(secret));
  return timingSafeEqual(genuine, userId) ? { userId, secret } : undefined;
}

/** Forgets this browser's visitor: somebody who skips sign-in here next is another one. */
export function forgetVisitor(c: Context): void {
  deleteCookie(c, cookieName(c), attributes(c));
}

/** The name of a visitor with that label, marked as a visitor's; undefined when there is no label. */
function labelled(label: string): string | undefined {
  const calm = label
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .replace(/(\p{M}{2})\p{M}+/gu, '$1')
    .replace(/\s+/g, ' ')
    .trim();
  const short = Array.from(calm).slice(0, LONGEST_LABEL).join('').trim();
  return short === '' ? undefined : words.visitor.named(short);
}

async function keepCookie(c: Context, subject: string, secret: string): Promise<void> {
  const { keyring, settings } = deploymentOf(c);
  const userId = await userIdOf(keyring, VISITOR, subject);
  const maxAge = Math.min(LONGEST_COOKIE, Math.max(settings.tokens.grant, settings.tokens.sign_in));
  setCookie(c, cookieName(c), `${userId}.${secret}`, { ...attributes(c), maxAge });
}

function cookieName(c: Context): string {
  return `${deploymentOf(c).cookiePrefix}gatehouse-visitor`;
}

function attributes(c: Context) {
  return { httpOnly: true, sameSite: 'Lax', path: '/', secure: deploymentOf(c).secure } as const;
}
