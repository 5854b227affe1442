import { type Context, Hono } from 'hono';
import {
  accountOf,
  DEFAULT_KEY_LIFE,
  highestRole,
  isKeyId,
  judgeKeyRequest,
  proposeKeyId,
  SCOPES,
  scopesWithin,
  usableServers,
} from '../../account';
import { record } from '../../audit';
import { seconds } from '../../clock';
import { deploymentOf } from '../../config';
import { expiryChoice, readExpiry } from '../../expiry';
import { openFlow } from '../../flow';
import { brandingOf, PageProblem, showPage, words } from '../../ui';
import { accountFields, readAccountForm } from '../shared/account-form';
import type { ApiUser } from '../shared/api';
import { whyNoKeys } from './api';
import { KeyMadePage, KeysPage } from './page';

type WhoCalls = (c: Context) => Promise<ApiUser | undefined>;

const PATH = '/account/keys';

/** `/account/keys`: one's own access keys, for people who signed in themselves. */
export function keysPages(whoCalls: WhoCalls) {
  return new Hono<{ Bindings: Env }>()
    .get(PATH, async (c) => {
      const user = await whoCalls(c);
      if (user) return showKeys(c, mayHaveKeys(user));
      const flow = await openFlow(c, () => ({ kind: 'sign-in', return_to: PATH }));
      return c.redirect(`/sign-in?flow=${flow}`, 303);
    })
    .post(PATH, async (c) => {
      const { user, form } = await readOwnForm(c, whoCalls);
      return makeKey(c, user, form);
    })
    .post(`${PATH}/revoke`, async (c) => {
      const { user, form } = await readOwnForm(c, whoCalls);
      const id = form.get('key') ?? '';
      const revoked = await accountOf(c.env, user.userId).revokeKey(id);
      if (revoked) record(c, { event: 'key_revoked', outcome: 'ok', user: user.userId, detail: id });
      return c.redirect(PATH, 303);
    });
}

async function makeKey(c: Context, user: ApiUser, form: URLSearchParams): Promise<Response> {
  const { settings, origin, env } = deploymentOf(c);
  const now = seconds();
  const values = { name: form.get('name') ?? '', scope: form.getAll('scope'), server: form.getAll('server') };
  const again = (reason: keyof typeof words.keys.problems) =>
    showKeys(c, user, { values, expires: form.get('expires'), notice: words.keys.problems[reason] });
  const expires_at = readExpiry(form.get('expires'), settings.tokens.grant);
  if (expires_at === undefined) return again('expires_invalid');
  const asked = { name: values.name, scope: values.scope.join(' '), servers: values.server };
  const spec = judgeKeyRequest({ ...asked, expires_in: expires_at - now }, user.identity, settings, now);
  if (!spec.ok) {
    const { reason } = spec.error;
    if (reason === 'role_missing') throw new PageProblem('no_access', { about: user.identity.name });
    return again(reason === 'scope_unknown' ? 'scope_beyond_role' : reason);
  }
  const made = await accountOf(env, user.userId).createKey(spec.value, proposedBy(form));
  if (!made.ok) {
    record(c, { event: 'key_created', outcome: 'refused', user: user.userId, ...made.error });
    const { reason } = made.error;
    return reason === 'key_made'
      ? showKeys(c, user, { notice: words.keys.problems.key_made, status: 409 })
      : again(reason);
  }
  const { id, name, text } = made.value;
  record(c, { event: 'key_created', outcome: 'ok', user: user.userId, grant: id, detail: name });
  const page = (
    <KeyMadePage branding={brandingOf(deploymentOf(c))} name={name} keyText={text} url={`${origin}/mcp`} />
  );
  return showPage(c, page, { status: 201 });
}

/** The id that the form brings for the key: whoever reloads the page of a new key sends it again. */
function proposedBy(form: URLSearchParams): { id?: string } {
  const id = form.get('id') ?? '';
  return isKeyId(id) ? { id } : {};
}

async function showKeys(
  c: Context,
  user: ApiUser,
  again?: {
    notice: string;
    values?: { name: string; scope: string[]; server: string[] };
    expires?: string | null;
    status?: number;
  },
): Promise<Response> {
  const deployment = deploymentOf(c);
  const { settings } = deployment;
  const role = highestRole(user.identity, settings);
  const longest = settings.tokens.grant;
  const usual = expiryChoice(Math.min(DEFAULT_KEY_LIFE, longest)).max;
  const page = (
    <KeysPage
      branding={brandingOf(deployment)}
      hidden={await accountFields(c, user)}
      id={proposeKeyId()}
      keys={await accountOf(deployment.env, user.userId).listKeys()}
      from={Math.max(0, Number.parseInt(c.req.query('from') ?? '', 10) || 0)}
      now={seconds()}
      scopes={role ? scopesWithin(role, SCOPES) : []}
      servers={usableServers(settings, user.identity).map(({ name, title }) => ({
        name,
        title: title ?? name,
      }))}
      expires={expiryChoice(longest, again?.expires || usual)}
      {...(again?.values ? { values: again.values } : {})}
      {...(again ? { notice: again.notice } : {})}
    />
  );
  return showPage(c, page, { status: again ? (again.status ?? 400) : 200 });
}

/** A form of this page, of somebody who may have keys. */
async function readOwnForm(
  c: Context,
  whoCalls: WhoCalls,
): Promise<{ user: ApiUser; form: URLSearchParams }> {
  const { person, form } = await readAccountForm(c, whoCalls);
  return { user: mayHaveKeys(person), form };
}

function mayHaveKeys(user: ApiUser): ApiUser {
  const barred = whyNoKeys(user);
  if (barred) {
    const action = { label: words.visitor.signIn, href: '/sign-in?as=user' };
    throw new PageProblem('keys_not_here', { detail: barred, action });
  }
  return user;
}
