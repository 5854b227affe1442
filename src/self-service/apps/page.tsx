import type { Grant } from '../../account';
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
import { ownGrants } from '../shared/grants';
import { accountFields, readAccountForm, readFrom } from '../shared/pages';
import { actorOf, ownAccount, type PersonContext } from '../shared/person';
import { showDay } from '../shared/times';

const text = words.own.apps;
const PATH = '/account/apps';
/** Apps on one page: what keeps it under 20 kB. */
const MOST_SHOWN = 15;

/** `GET /account/apps`: the apps that the person signed in allowed. */
export async function showApps(c: PersonContext): Promise<Response> {
  const done = c.req.query('done') === undefined ? undefined : text.done;
  const grants = await ownGrants(c);
  const branding = brandingOf(deploymentOf(c));
  return showPage(c, <AppsPage branding={branding} grants={grants} from={readFrom(c)} done={done} />);
}

/** `GET /account/apps/revoke?id=`: asks first. `not_found` when it isn't theirs. */
export async function confirmRevokeApp(c: PersonContext): Promise<PageResult> {
  const grant = await findOwn(c, c.req.query('id') ?? '');
  if (!grant) return refusePage('not_found');
  const page = (
    <ConfirmPage
      branding={brandingOf(deploymentOf(c))}
      title={text.confirm(shown(grant.client_name, 60))}
      text={text.confirmText}
      label={text.revoke}
      action={`${PATH}/revoke`}
      hidden={{ ...(await accountFields(c)), id: grant.id }}
      back={{ label: words.own.back, href: PATH }}
    />
  );
  return ok(await showPage(c, page));
}

/** `POST /account/apps/revoke`: ends the grant that `id` names, at once. */
export async function revokeAppByForm(c: PersonContext): Promise<PageResult> {
  const form = await readAccountForm(c);
  if (!form.ok) return form;
  const grant = await findOwn(c, form.value.get('id') ?? '');
  if (!grant || !(await ownAccount(c).revokeGrant(grant.id))) return refusePage('not_found');
  const { id, client_id: client, client_name } = grant;
  record(c, {
    event: 'grant_revoked',
    outcome: 'ok',
    ...actorOf(c),
    client,
    client_name,
    grant: id,
    detail: id,
  });
  return ok(c.redirect(`${PATH}?done`, 303));
}

async function findOwn(c: PersonContext, id: string): Promise<Grant | undefined> {
  return (await ownGrants(c)).find((grant) => grant.id === id);
}

interface AppsProps {
  branding: Branding;
  /** All there are; the page begins with the one at `from`. */
  grants: Grant[];
  from: number;
  done?: string | undefined;
}

export function AppsPage({ branding, grants, from: asked, done }: AppsProps) {
  const from = asked < grants.length ? asked : 0;
  const next = from + MOST_SHOWN;
  return (
    <Layout branding={branding} title={text.title} parts={['lists']}>
      <h1>{text.title}</h1>
      <p class="lead">{grants.length === 0 ? text.none : text.lead}</p>
      <Done text={done} />
      <ul class="rows">
        {grants.slice(from, next).map((grant) => (
          <AppRow grant={grant} />
        ))}
      </ul>
      <p class="links">
        {next < grants.length && <a href={`?from=${next}`}>{words.account.more(grants.length - next)}</a>}
        <a href="/account">{words.account.title}</a>
      </p>
    </Layout>
  );
}

function AppRow({ grant }: { grant: Grant }) {
  const name = shown(grant.client_name, 60);
  const used = grant.last_used_at === undefined ? text.unused : text.used(showDay(grant.last_used_at));
  const highest = words.consent.scope[grant.scope.split(' ').at(-1) as 'mcp:read'];
  return (
    <li class="row entry">
      <b>
        <bdi>{name}</bdi>
      </b>
      <small>
        <bdi>{[highest?.name, shown(grant.servers.join(', '), 100)].filter(Boolean).join(' · ')}</bdi>
      </small>
      <small>
        {used}, {text.ends(showDay(grant.expires_at))}
      </small>
      <a href={`${PATH}/revoke?id=${grant.id}`} aria-label={text.revokeNamed(name)}>
        <small>{text.revoke}</small>
      </a>
    </li>
  );
}
