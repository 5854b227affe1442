import { findAccount } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { ok } from '../../result';
import { accountFields, ConfirmPage, readAccountForm } from '../../self-service';
import { brandingOf, type PageResult, refusePage, showPage, words } from '../../ui';
import { block, unblock } from '../clients/clients';
import { endGrant } from '../clients/grants';
import { changePerson } from '../people/people';
import type { AdminContext } from '../shared/admit';
import { endKey } from '../shared/keys';

const text = words.admin.actions;

/** What an admin can do by a page. `run` returns false when what it is about isn't there; `back`: where it leads. */
interface Action {
  run(c: AdminContext, id: string): Promise<boolean>;
  back(id: string): string;
}

const userPage = (id: string) => `/admin/users/${encodeURIComponent(id)}`;
const ownerPage = (id: string) => userPage(id.split(':')[0] ?? '');

const ACTIONS: Record<keyof typeof text, Action> = {
  disable: { run: (c, id) => changePerson(c, id, 'disable'), back: userPage },
  enable: { run: (c, id) => changePerson(c, id, 'enable'), back: userPage },
  'sign-out': { run: (c, id) => changePerson(c, id, 'sign-out'), back: userPage },
  erase: { run: (c, id) => changePerson(c, id, 'erase'), back: () => '/admin/users' },
  'end-grant': { run: endGrant, back: ownerPage },
  'revoke-key': { run: endKey, back: ownerPage },
  'end-browser': { run: endBrowser, back: ownerPage },
  block: { run: async (c, id) => block(c, id).then(() => true), back: () => '/admin/clients' },
  unblock: { run: unblock, back: () => '/admin/clients' },
};

type ActionName = keyof typeof ACTIONS;

/** The longest id: a client's may be an address. */
const LONGEST = 2_048;

/** `GET /admin/do?action=&id=`: asks before anything is done. */
export async function confirmAction(c: AdminContext): Promise<PageResult> {
  const name = readAction(c.req.query('action'));
  const id = c.req.query('id') ?? '';
  if (!name || id === '' || id.length > LONGEST) return refusePage('not_found');
  const page = (
    <ConfirmPage
      branding={brandingOf(deploymentOf(c))}
      title={text[name].title}
      text={text[name].text}
      label={text[name].label}
      action="/admin/do"
      hidden={{ ...(await accountFields(c)), action: name, id }}
      back={{ label: words.admin.back, href: ACTIONS[name].back(id) }}
    />
  );
  return ok(await showPage(c, page));
}

/** `POST /admin/do`: does it, at once; `not_found` when what it is about isn't there. */
export async function runAction(c: AdminContext): Promise<PageResult> {
  const form = await readAccountForm(c);
  if (!form.ok) return form;
  const name = readAction(form.value.get('action') ?? undefined);
  const id = form.value.get('id') ?? '';
  if (!name || id === '' || id.length > LONGEST) return refusePage('not_found');
  const done = await ACTIONS[name].run(c, id);
  return done ? ok(c.redirect(`${ACTIONS[name].back(id)}?done`, 303)) : refusePage('not_found');
}

/** The link to the page that asks. */
export function actionLink(name: ActionName, id: string): string {
  return `/admin/do?${new URLSearchParams({ action: name, id })}`;
}

function readAction(name: string | undefined): ActionName | undefined {
  return name !== undefined && Object.hasOwn(ACTIONS, name) ? (name as ActionName) : undefined;
}

async function endBrowser(c: AdminContext, id: string): Promise<boolean> {
  const [user = '', signIn = ''] = id.split(':');
  const account = await findAccount(deploymentOf(c), user);
  if (!account || !(await account.endSignIn(signIn))) return false;
  record(c, { event: 'sign_in_ended', outcome: 'ok', ...c.var.by, detail: id });
  return true;
}
