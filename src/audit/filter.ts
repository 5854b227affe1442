import { ok, type Refusal, type Result, refuse } from '../result';
import { OUTCOMES } from './event';

/** What entries are searched by; all of it has to fit. Times in milliseconds since the epoch, both inclusive. */
export interface AuditFilter {
  /** A user id, a name, or an address. */
  user?: string;
  /** A client id or a client's name. */
  client?: string;
  server?: string;
  tool?: string;
  outcome?: string;
  reason?: string;
  event?: string;
  /** The id of a grant or key. */
  grant?: string;
  from?: number;
  to?: number;
}

/** The parameters of a query that filter the trail. */
export const FILTERS = [
  'user',
  'client',
  'server',
  'tool',
  'outcome',
  'reason',
  'event',
  'from',
  'to',
] as const;

/** Longer ones fit nothing that is stored. */
const LONGEST = 2_048;

/** The filter that a query asks for; `filter_invalid` with the parameter that makes no sense. Empty ones are ignored. */
export function readFilter(query: URLSearchParams): Result<AuditFilter, Refusal<'filter_invalid'>> {
  const filter: AuditFilter = {};
  for (const name of FILTERS) {
    const value = (query.get(name) ?? '').trim();
    if (value === '') continue;
    if (value.length > LONGEST) return refuse('filter_invalid', name);
    if (name === 'from' || name === 'to') {
      const time = readTime(name, value);
      if (time === undefined) return refuse('filter_invalid', name);
      filter[name] = time;
    } else {
      filter[name] = value;
    }
  }
  const { outcome } = filter;
  const isOutcome = outcome === undefined || (OUTCOMES as readonly string[]).includes(outcome);
  return isOutcome ? ok(filter) : refuse('filter_invalid', 'outcome');
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$/i;

/** A day, from its first moment to its last, or a time (RFC 3339); one without a zone is UTC. */
function readTime(name: 'from' | 'to', text: string): number | undefined {
  if (!DATE.test(text) && !TIME.test(text)) return undefined;
  if (DATE.test(text)) return numberOf(`${text}T${name === 'from' ? '00:00:00.000' : '23:59:59.999'}Z`);
  return numberOf(/(Z|[+-]\d{2}:\d{2})$/i.test(text) ? text : `${text}Z`);
}

function numberOf(text: string): number | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/** User ids as this deployment makes them: an index finds those. */
const USER_ID = /^[\w-]{32}$/;

/** The filter as the condition of a statement. `before`: only entries with lower numbers. */
export function conditionsOf(
  filter: AuditFilter,
  before?: number,
): { sql: string; values: (string | number)[] } {
  const { user, client, from, to, ...exact } = filter;
  const parts: { sql: string; values: (string | number)[] }[] = [];
  const add = (sql: string, ...values: (string | number)[]) => parts.push({ sql, values });
  if (before !== undefined) add('seq < ?', before);
  if (user !== undefined && USER_ID.test(user)) add('user = ?', user);
  else if (user !== undefined) {
    add('(user = ? OR user_email = ? COLLATE NOCASE OR user_name = ? COLLATE NOCASE)', user, user, user);
  }
  if (client !== undefined) add('(client = ? OR client_name = ? COLLATE NOCASE)', client, client);
  if (from !== undefined) add('time >= ?', from);
  if (to !== undefined) add('time <= ?', to);
  for (const [column, value] of Object.entries(exact)) add(`"${column}" = ?`, value);
  if (parts.length === 0) return { sql: 'TRUE', values: [] };
  return { sql: parts.map(({ sql }) => sql).join(' AND '), values: parts.flatMap(({ values }) => values) };
}
