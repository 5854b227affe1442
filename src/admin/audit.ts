import {
  EXPORTS,
  type ExportType,
  exportStream,
  readFilter,
  readTrail,
  readWholeTrail,
  record,
} from '../audit';
import { deploymentOf } from '../config';
import { apiError, limitError, readLimit } from '../self-service';
import type { AdminContext } from './shared/admit';

/**
 * `GET /api/admin/audit`: the trail, the latest first, by its filters; with `Accept: application/x-ndjson` or
 * `text/csv` all of it that fits, as a stream. `?format=ndjson` or `csv` is the same for a link of a page.
 */
export async function showTrail(c: AdminContext): Promise<Response> {
  const filter = readFilter(new URL(c.req.url).searchParams);
  if (!filter.ok)
    return apiError(c, 400, 'invalid_request', `The filter ${filter.error.detail} is not valid`);
  const type = exportTypeOf(c);
  if (type) {
    record(c, { event: 'audit_exported', outcome: 'ok', ...c.var.by, detail: new URL(c.req.url).search });
    const stream = exportStream(readWholeTrail(deploymentOf(c), filter.value), type);
    const name = `trail.${type === 'text/csv' ? 'csv' : 'ndjson'}`;
    return c.body(stream, 200, {
      'Content-Type': type === 'text/csv' ? 'text/csv; charset=utf-8; header=present' : type,
      'Content-Disposition': `attachment; filename="${name}"`,
    });
  }
  const limit = readLimit(c);
  if (limit === undefined) return limitError(c);
  const page = await readTrail(deploymentOf(c), filter.value, { limit, cursor: c.req.query('cursor') });
  if (!page.ok) return apiError(c, 400, 'invalid_request', 'The cursor is not valid');
  return c.json(page.value);
}

function exportTypeOf(c: AdminContext): ExportType | undefined {
  const format = c.req.query('format');
  if (format === 'csv') return 'text/csv';
  if (format === 'ndjson') return 'application/x-ndjson';
  const accepted = (c.req.header('accept') ?? '').toLowerCase();
  return (Object.keys(EXPORTS) as ExportType[]).find((type) => accepted.includes(type));
}
