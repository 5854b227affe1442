import { readFilter, readTrail } from '../../audit';
import { deploymentOf } from '../../config';
import { apiError, limitError, readLimit } from '../shared/api';
import type { PersonContext } from '../shared/person';
import { ownFilter } from './own';

/** `GET /api/activity`: what the person signed in did, the latest first, by the filters of the trail but `user`. */
export async function showActivity(c: PersonContext): Promise<Response> {
  const limit = readLimit(c);
  if (limit === undefined) return limitError(c);
  const filter = readFilter(new URL(c.req.url).searchParams);
  if (!filter.ok)
    return apiError(c, 400, 'invalid_request', `The filter ${filter.error.detail} is not valid`);
  const cursor = c.req.query('cursor');
  const page = await readTrail(deploymentOf(c), ownFilter(c, filter.value), { limit, cursor });
  if (!page.ok) return apiError(c, 400, 'invalid_request', 'The cursor is not valid');
  return c.json(page.value);
}
