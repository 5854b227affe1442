import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { accountOf, type Identity, VISITOR } from '../account';
import { seconds } from '../clock';
import { type Deployment, deploymentOf } from '../config';
import { randomSecret, sha256Hex, timingSafeEqual, userIdOf } from '../crypto';
import { enterPool, keepInPool } from '../flow';
import { requireWithinLimit, sourceOf } from '../limits';
import { PageProblem, words } from '../ui';

/** Characters of a label: the mark behind it must never be cut off where a page shortens names. */
const LONGEST_LABEL = 40;
/** Browsers keep no cookie for longer; seconds. */
const LONGEST_COOKIE = 400 * 86_400;

/** Seconds for which a visitor's connections count, which have no end of their own. */
const CONNECTED_FOR = 31_536_000;

/**
 * Who the visitor at this browser is. The browser keeps a secret of its own, and its hash is the visitor's
 * subject: the same browser is the same visitor for as long as it keeps that, and nobody else can be.
 * `label`: what they call themselves, worth nothing as a proof.
 */
export async function welcomeVisitor(c: Context, label: string): Promise<Identity> {
  const known = await knownVisitor(c);
  const state = known && (await accountOf(c.env, known.userId).visitorState());
  const back = state?.moved ? undefined : known;
  const secret = back?.secret ?? randomSecret();
  if (!back) await requireWithinLimit(c, 'visitors');
  const subject = await sha256Hex(secret);
  const left = Object.values((back && state?.left) ?? {}).some((names) => names.length > 0);
  await makeRoom(c, subject, left);
  await keepCookie(c, subject, secret);
  const name = labelled(label) ?? (back && state?.identity?.name) ?? words.visitor.unnamed;
  return {
    provider: VISITOR,
    issuer: VISITOR,
    subject,
    name,
    email: undefined,
    email_verified: false,
    groups: [],
  };
}

/**
 * Counts a visitor, one who comes back too; `left`: who has something here. The oldest of the same source who left nothing goes where it has too many;
 * where all of them left something, no more come in from there.
 */
async function makeRoom(c: Context, subject: string, left: boolean): Promise<void> {
  const deployment = deploymentOf(c);
  const id = await userIdOf(deployment.keyring, VISITOR, subject);
  const expiresAt = seconds() + deployment.settings.tokens.sign_in;
  const entered = await enterPool(deployment, 'visitors', { id, from: await sourceOf(c), expiresAt });
  if (!entered.ok) throw new PageProblem('visitors_full', { detail: entered.error.reason });
  if (left) await keepInPool(deployment, 'visitors', id, seconds() + CONNECTED_FOR);
  for (const dropped of entered.value) await accountOf(deployment.env, dropped).forgetVisitor();
}

/** What a visitor did that lasts: they no longer make room for others. `until`: seconds since the epoch. */
export async function keepVisitor(
  deployment: Pick<Deployment, 'env'>,
  { userId, identity }: { userId: string; identity: Pick<Identity, 'provider'> },
  until = seconds() + CONNECTED_FOR,
): Promise<void> {
  if (identity.provider === VISITOR) await keepInPool(deployment, 'visitors', userId, until);
}

/** The visitor that this browser was, or is; undefined when it has no cookie of ours that says so. */
export async function knownVisitor(c: Context): Promise<{ userId: string; secret: string } | undefined> {
  const [userId, secret, rest] = (getCookie(c, cookieName(c)) ?? '').split('.');
  if (!userId || !secret || rest !== undefined) return undefined;
  // Only we can make the id that belongs to a secret: a made-up cookie wakes no object.
  const genuine = await userIdOf(deploymentOf(c).keyring, VISITOR, await sha256Hex(secret));
  return timingSafeEqual(genuine, userId) ? { userId, secret } : undefined;
}

/** This browser's visitor has moved on: whoever skips sign-in here next is another one. */
export function forgetVisitor(c: Context): void {
  deleteCookie(c, cookieName(c), attributes(c));
}

/** The name of a visitor with that label, marked wherever it goes; undefined when there is no label. */
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
