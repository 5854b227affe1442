import { type AuditPage, FILTERS, OUTCOMES, readFilter, readTrail } from '../../audit';
import { deploymentOf } from '../../config';
import { ok } from '../../result';
import { Entries } from '../../self-service';
import { type PageResult, refusePage, showPage, words } from '../../ui';
import type { AdminContext } from '../shared/admit';
import { Frame, type FrameProps, frameOf } from './frame';

const text = words.admin.audit;
/** Entries on one page: what keeps it under 20 kB. */
const MOST_SHOWN = 12;

/** `GET /admin/audit`: the trail with its filters. */
export async function showTrailPage(c: AdminContext): Promise<PageResult> {
  const { searchParams } = new URL(c.req.url);
  const filter = readFilter(searchParams);
  if (!filter.ok) return refusePage('filter_invalid', { detail: filter.error.detail });
  const cursor = c.req.query('cursor') || undefined;
  const page = await readTrail(deploymentOf(c), filter.value, { limit: MOST_SHOWN, cursor });
  if (!page.ok) return refusePage('not_found', { detail: page.error.reason });
  const asked = new URLSearchParams(
    FILTERS.flatMap((name) => (searchParams.get(name) ? [[name, searchParams.get(name) ?? '']] : [])),
  );
  return ok(await showPage(c, <TrailPage {...frameOf(c)} {...page.value} asked={asked} />));
}

/** `asked`: the filters, as they were typed. */
export function TrailPage({
  items,
  cursor,
  asked,
  ...frame
}: FrameProps & AuditPage & { asked: URLSearchParams }) {
  const older = new URLSearchParams(asked);
  if (cursor !== undefined) older.set('cursor', cursor);
  return (
    <Frame {...frame} title={words.admin.sections.audit}>
      <details open={asked.size > 0}>
        <summary>{text.filter}</summary>
        <form>
          {FILTERS.map((name) => (
            <Filter name={name} value={asked.get(name) ?? ''} />
          ))}
          <button type="submit">{words.admin.find}</button>
        </form>
      </details>
      {items.length > 0 ? (
        <Entries items={items} who />
      ) : (
        <p class="hint rule">{cursor === undefined ? text.nothing : text.nothingYet}</p>
      )}
      <p class="links">
        {cursor !== undefined && <a href={`?${older}`}>{text.older}</a>}
        <span>
          {text.exportAs} <a href={exportLink(asked, 'csv')}>CSV</a>{' '}
          <a href={exportLink(asked, 'ndjson')}>NDJSON</a>
        </span>
      </p>
    </Frame>
  );
}

function Filter({ name, value }: { name: (typeof FILTERS)[number]; value: string }) {
  if (name !== 'outcome') {
    return (
      <label class="field">
        {text.filters[name]}
        <input
          name={name}
          value={value}
          maxlength={300}
          type={name === 'from' || name === 'to' ? 'date' : 'text'}
        />
      </label>
    );
  }
  return (
    <label class="field">
      {text.filters.outcome}
      <select name="outcome">
        <option value="">{text.any}</option>
        {OUTCOMES.map((one) => (
          <option value={one} selected={one === value}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}

function exportLink(asked: URLSearchParams, format: string): string {
  return `/api/admin/audit?${new URLSearchParams([...asked, ['format', format]])}`;
}
