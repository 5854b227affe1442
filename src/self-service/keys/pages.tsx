import {
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
import { deploymentOf, titleOf } from '../../config';
import { expiryChoice, readExpiry } from '../../expiry';
import { ok } from '../../result';
import { brandingOf, type PageResult, refusePage, showPage, words } from '../../ui';
import { accountFields, readAccountForm, readFrom } from '../shared/pages';
import { actorOf, ownAccount, type PersonContext } from '../shared/person';
import { checkMayHaveKeys } from './own';
import { KeyMadePage, KeysPage } from './page';

const PATH = '/account/keys';

/** `GET /account/keys`: one's own access keys; `keys_not_here` for somebody who can't have any. */
export async function showKeys(c: PersonContext): Promise<PageResult> {
  const may = checkKeysHere(c);
  return may.ok ? ok(await renderKeys(c)) : may;
}

/** `POST /account/keys`: makes a key, and shows it once. */
export async function createKeyByForm(c: PersonContext): Promise<PageResult> {
  const form = await readKeysForm(c);
  return form.ok ? createFrom(c, form.value) : form;
}

/** `POST /account/keys/revoke`: ends the key that `key` names, if there is one. */
export async function revokeKeyByForm(c: PersonContext): Promise<PageResult> {
  const form = await readKeysForm(c);
  if (!form.ok) return form;
  const id = form.value.get('key') ?? '';
  const revoked = await ownAccount(c).revokeKey(id);
  if (revoked) record(c, { event: 'key_revoked', outcome: 'ok', ...actorOf(c), detail: id });
  return ok(c.redirect(PATH, 303));
}

async function createFrom(c: PersonContext, form: URLSearchParams): Promise<PageResult> {
  const { identity } = c.var.person;
  const values = { name: form.get('name') ?? '', scope: form.getAll('scope'), server: form.getAll('server') };
  const again = async (reason: keyof typeof words.keys.problems) =>
    ok(await renderKeys(c, { values, expires: form.get('expires'), notice: words.keys.problems[reason] }));
  const { settings, origin } = deploymentOf(c);
  const now = seconds();
  const expires_at = readExpiry(form.get('expires'), settings.tokens.grant);
  if (expires_at === undefined) return again('expires_invalid');
  const asked = { name: values.name, scope: values.scope.join(' '), servers: values.server };
  const spec = judgeKeyRequest({ ...asked, expires_in: expires_at - now }, identity, settings, now);
  if (!spec.ok) {
    const { reason } = spec.error;
    if (reason === 'role_missing') return refusePage('no_access', { about: identity.name });
    return again(reason === 'scope_unknown' ? 'scope_beyond_role' : reason);
  }
  const made = await ownAccount(c).createKey(spec.value, proposedBy(form));
  if (!made.ok) {
    record(c, { event: 'key_created', outcome: 'refused', ...actorOf(c), ...made.error });
    const { reason } = made.error;
    if (reason !== 'key_made') return again(reason);
    return ok(await renderKeys(c, { notice: words.keys.problems.key_made, status: 409 }));
  }
  const { id, name, text } = made.value;
  record(c, { event: 'key_created', outcome: 'ok', ...actorOf(c), grant: id, detail: name });
  const page = (
    <KeyMadePage branding={brandingOf(deploymentOf(c))} name={name} keyText={text} url={`${origin}/mcp`} />
  );
  return ok(await showPage(c, page, { status: 201 }));
}

/** The id that the form proposes for its key: reloading the page of a new key sends it again, and makes no second. */
function proposedBy(form: URLSearchParams): { id?: string } {
  const id = form.get('id') ?? '';
  return isKeyId(id) ? { id } : {};
}

/** The form again: what was wrong with it, and what it held. `status`: 400 unless it says otherwise. */
interface Again {
  notice: string;
  values?: { name: string; scope: string[]; server: string[] };
  expires?: string | null;
  status?: number;
}

async function renderKeys(c: PersonContext, again?: Again): Promise<Response> {
  const deployment = deploymentOf(c);
  const { settings } = deployment;
  const { identity } = c.var.person;
  const role = highestRole(identity, settings);
  const longest = settings.tokens.grant;
  const usual = expiryChoice(Math.min(DEFAULT_KEY_LIFE, longest)).max;
  const page = (
    <KeysPage
      branding={brandingOf(deployment)}
      hidden={await accountFields(c)}
      id={proposeKeyId()}
      keys={await ownAccount(c).listKeys()}
      from={readFrom(c)}
      now={seconds()}
      scopes={role ? scopesWithin(role, SCOPES) : []}
      servers={usableServers(settings, identity).map((server) => ({
        name: server.name,
        title: titleOf(server),
      }))}
      expires={expiryChoice(longest, again?.expires || usual)}
      {...(again?.values ? { values: again.values } : {})}
      {...(again ? { notice: again.notice } : {})}
    />
  );
  return showPage(c, page, { status: again ? (again.status ?? 400) : 200 });
}

/** A form of this page, of somebody who may have keys. */
async function readKeysForm(c: PersonContext): Promise<PageResult<URLSearchParams>> {
  const form = await readAccountForm(c);
  if (!form.ok) return form;
  const may = checkKeysHere(c);
  return may.ok ? form : may;
}

/** `keys_not_here` for somebody who can't have keys, with a button to sign in as a person. */
function checkKeysHere(c: PersonContext): PageResult<null> {
  const may = checkMayHaveKeys(c.var.person);
  const action = { label: words.visitor.signIn, href: '/sign-in?as=user' };
  return may.ok ? may : refusePage('keys_not_here', { detail: may.error.reason, action });
}
