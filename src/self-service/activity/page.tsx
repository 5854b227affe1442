import { type AuditPage, readTrail } from '../../audit';
import { deploymentOf } from '../../config';
import { ok } from '../../result';
import { type Branding, brandingOf, Layout, type PageResult, refusePage, showPage, words } from '../../ui';
import type { PersonContext } from '../shared/person';
import { Entries } from './entries';
import { ownFilter } from './own';

const text = words.own.activity;
const { audit } = words.admin;
/** Entries on one page: what keeps it under 20 kB. */
const MOST_SHOWN = 15;

/** `GET /account/activity`: what the person signed in did, the latest first. */
export async function showActivityPage(c: PersonContext): Promise<PageResult> {
  const cursor = c.req.query('cursor');
  const page = await readTrail(deploymentOf(c), ownFilter(c), { limit: MOST_SHOWN, cursor });
  if (!page.ok) return refusePage('not_found', { detail: page.error.reason });
  return ok(await showPage(c, <ActivityPage branding={brandingOf(deploymentOf(c))} {...page.value} />));
}

/** `cursor`: where older entries begin. */
export function ActivityPage({ branding, items, cursor }: { branding: Branding } & AuditPage) {
  return (
    <Layout branding={branding} title={text.title} parts={['lists']}>
      <h1>{text.title}</h1>
      <p class="lead">{text.lead}</p>
      {items.length > 0 ? (
        <Entries items={items} who={false} />
      ) : (
        <p class="hint rule">{cursor === undefined ? audit.nothing : audit.nothingYet}</p>
      )}
      <p class="links">
        {cursor !== undefined && <a href={`?cursor=${encodeURIComponent(cursor)}`}>{audit.older}</a>}
        <a href="/account">{words.account.title}</a>
      </p>
    </Layout>
  );
}
