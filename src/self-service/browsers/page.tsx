import type { SignInRow } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { ok } from '../../result';
import {
  type Branding,
  brandingOf,
  Layout,
  type PageResult,
  refusePage,
  shown,
  showPage,
  words,
} from '../../ui';
import { ConfirmPage, Done } from '../shared/confirm';
import { accountFields, readAccountForm, readFrom } from '../shared/pages';
import { actorOf, ownAccount, type PersonContext } from '../shared/person';
import { ownSignIns } from '../shared/sign-ins';
import { showDay } from '../shared/times';

const text = words.own.browsers;
const PATH = '/account/browsers';
/** Browsers on one page: what keeps it under 20 kB. */
const MOST_SHOWN = 15;

/** `GET /account/browsers`: where the person is signed in. */
export async function showBrowsers(c: PersonContext): Promise<Response> {
  const done = c.req.query('done') === undefined ? undefined : text.done;
  const props = {
    branding: brandingOf(deploymentOf(c)),
    signIns: await ownSignIns(c),
    from: readFrom(c),
    done,
  };
  return showPage(c, <BrowsersPage {...props} current={c.var.person.signInId} />);
}

/** `GET /account/browsers/end?id=`: asks first. `not_found` when it isn't theirs. */
export async function confirmEndBrowser(c: PersonContext): Promise<PageResult> {
  const row = await findOwn(c, c.req.query('id') ?? '');
  if (!row) return refusePage('not_found');
  const page = (
    <ConfirmPage
      branding={brandingOf(deploymentOf(c))}
      title={text.confirm}
      text={nameOf(row)}
      label={text.end}
      action={`${PATH}/end`}
      hidden={{ ...(await accountFields(c)), id: row.id }}
      back={{ label: words.own.back, href: PATH }}
    />
  );
  return ok(await showPage(c, page));
}

/** `POST /account/browsers/end`: signs out the browser that `id` names, at once. */
export async function endBrowserByForm(c: PersonContext): Promise<PageResult> {
  const form = await readAccountForm(c);
  if (!form.ok) return form;
  const row = await findOwn(c, form.value.get('id') ?? '');
  if (!row || !(await ownAccount(c).endSignIn(row.id))) return refusePage('not_found');
  record(c, { event: 'sign_in_ended', outcome: 'ok', ...actorOf(c), detail: row.id });
  return ok(c.redirect(`${PATH}?done`, 303));
}

async function findOwn(c: PersonContext, id: string): Promise<SignInRow | undefined> {
  return (await ownSignIns(c)).find((row) => row.id === id);
}

interface BrowsersProps {
  branding: Branding;
  /** All there are; the page begins with the one at `from`. */
  signIns: SignInRow[];
  from: number;
  /** The id of the sign-in of this very browser. */
  current: string;
  done?: string | undefined;
}

export function BrowsersPage({ branding, signIns, from: asked, current, done }: BrowsersProps) {
  const from = asked < signIns.length ? asked : 0;
  const next = from + MOST_SHOWN;
  return (
    <Layout branding={branding} title={text.title} parts={['lists']}>
      <h1>{text.title}</h1>
      <p class="lead">{text.lead}</p>
      <Done text={done} />
      <ul class="rows">
        {signIns.slice(from, next).map((row) => (
          <BrowserRow row={row} isCurrent={row.id === current} />
        ))}
      </ul>
      <p class="links">
        {next < signIns.length && <a href={`?from=${next}`}>{words.account.more(signIns.length - next)}</a>}
        <a href="/account">{words.account.title}</a>
      </p>
    </Layout>
  );
}

function BrowserRow({ row, isCurrent }: { row: SignInRow; isCurrent: boolean }) {
  const name = nameOf(row);
  return (
    <li class="row entry">
      <b>
        <bdi>{name}</bdi>
      </b>{' '}
      {isCurrent && <span class="badge good">{text.current}</span>}
      <small>
        {text.since(showDay(row.created_at))}, {text.used(showDay(row.last_used_at))}
      </small>
      <a href={`${PATH}/end?id=${row.id}`} aria-label={text.endNamed(name)}>
        <small>{text.end}</small>
      </a>
    </li>
  );
}

function nameOf({ user_agent }: SignInRow): string {
  return user_agent === '' ? text.unknown : shown(user_agent, 90);
}
