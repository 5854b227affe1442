import type { AccountOverview } from '../../account';
import { ok } from '../../result';
import { Notice, type PageResult, refusePage, shown, showPage, words } from '../../ui';
import { findPeople, findPerson, type PeopleFound } from '../people/people';
import type { AdminContext } from '../shared/admit';
import { actionLink } from './actions';
import { Frame, type FrameProps, frameOf } from './frame';

const text = words.admin;
/** Rows of one list: what keeps a page under 20 kB. */
const MOST_SHOWN = 20;
const MOST_OF_EACH = 6;

/** `GET /admin/users?q=`: people, or those who are found. */
export async function showUsers(c: AdminContext): Promise<Response> {
  const [query = '', cursor] = [c.req.query('q'), c.req.query('cursor')];
  const found = await findPeople(c.env, { query, limit: MOST_SHOWN, cursor });
  return showPage(c, <UsersPage {...frameOf(c)} {...found} query={query} />);
}

export function UsersPage({
  people,
  more,
  cursor,
  query,
  ...frame
}: FrameProps & PeopleFound & { query: string }) {
  return (
    <Frame {...frame} title={text.sections.users}>
      <form>
        <label class="field">
          {text.search}
          <input name="q" value={query} maxlength={254} dir="auto" type="search" />
        </label>
        <button type="submit">{text.find}</button>
      </form>
      {people.length === 0 && <p class="hint rule">{text.nobody}</p>}
      <ul class="rows">
        {people.map(({ id, name, email, groups }) => (
          <li class="row">
            <a href={`/admin/users/${id}`}>
              <b>
                <bdi>{shown(name, 60)}</bdi>
              </b>
              <small>
                <bdi>
                  {[email, ...groups.slice(0, 3)]
                    .filter(Boolean)
                    .map((one) => shown(String(one), 60))
                    .join(' · ')}
                </bdi>
              </small>
            </a>
          </li>
        ))}
      </ul>
      {more && query !== '' && <Notice text={text.moreFound} />}
      {more && query === '' && cursor !== undefined && (
        <p class="links">
          <a href={`?cursor=${encodeURIComponent(cursor)}`}>{text.next}</a>
        </p>
      )}
    </Frame>
  );
}

/** `GET /admin/users/{id}`: who that is, all that they have, and what can be done about it. */
export async function showUser(c: AdminContext): Promise<PageResult> {
  const id = c.req.param('id') ?? '';
  const person = await findPerson(c, id);
  if (!person) return refusePage('not_found');
  return ok(await showPage(c, <UserPage {...frameOf(c)} id={id} person={person} />));
}

export function UserPage({ id, person, ...frame }: FrameProps & { id: string; person: AccountOverview }) {
  const { identity, disabled_at, grants, keys, signIns, connections } = person;
  const { readOnly } = frame;
  return (
    <Frame {...frame} title={shown(identity.name, 60)}>
      {disabled_at !== undefined && <span class="badge no">{text.person.disabled}</span>}
      <dl class="facts">
        <Fact name={text.person.email} value={identity.email} />
        <Fact name={text.person.provider} value={identity.provider} />
        <Fact name={text.person.groups} value={identity.groups.slice(0, 20).join(', ')} />
        <Fact name={text.person.id} value={id} />
      </dl>
      <p class="links">
        <a href={`/admin/audit?user=${id}`}>{text.person.activity}</a>
        {!readOnly && <Actions id={id} disabled={disabled_at !== undefined} />}
      </p>
      <Held
        title={text.person.apps}
        end={readOnly ? undefined : 'end-grant'}
        user={id}
        rows={grants.map((grant) => ({ id: grant.id, name: grant.client_name, about: grant.scope }))}
      />
      <Held
        title={text.person.keys}
        end={readOnly ? undefined : 'revoke-key'}
        user={id}
        rows={keys.map((key) => ({ id: key.id, name: key.name, about: key.scope.join(' ') }))}
      />
      <Held
        title={text.person.browsers}
        end={readOnly ? undefined : 'end-browser'}
        user={id}
        rows={signIns.map((row) => ({
          id: row.id,
          name: row.user_agent || words.own.browsers.unknown,
          about: '',
        }))}
      />
      <Held
        title={text.person.connections}
        end={undefined}
        user={id}
        rows={connections.map(({ server, status }) => ({ id: server, name: server, about: status }))}
      />
    </Frame>
  );
}

function Fact({ name, value }: { name: string; value: string | undefined }) {
  if (value === undefined || value === '') return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <bdi>{shown(value, 254)}</bdi>
      </dd>
    </>
  );
}

function Actions({ id, disabled }: { id: string; disabled: boolean }) {
  const names = ['sign-out', disabled ? 'enable' : 'disable', 'erase'] as const;
  return (
    <>
      {names.map((name) => (
        <a href={actionLink(name, id)}>{text.actions[name].label}</a>
      ))}
    </>
  );
}

interface HeldProps {
  title: string;
  /** What ends one of them; undefined: nothing here. */
  end: 'end-grant' | 'revoke-key' | 'end-browser' | undefined;
  user: string;
  rows: { id: string; name: string; about: string }[];
}

/** Things of one kind that somebody has: the first few, and how many more. */
function Held({ title, end, user, rows }: HeldProps) {
  return (
    <>
      <h2>{title}</h2>
      {rows.length === 0 && <p class="hint">{text.none}</p>}
      <ul class="rows">
        {rows.slice(0, MOST_OF_EACH).map(({ id, name, about }) => (
          <li class="row entry">
            <bdi>{shown(name, 60)}</bdi>
            {about !== '' && <small>{about}</small>}
            {end && (
              <a href={actionLink(end, `${user}:${id}`)} aria-label={text.person.endNamed(shown(name, 60))}>
                <small>{text.person.end}</small>
              </a>
            )}
          </li>
        ))}
      </ul>
      {rows.length > MOST_OF_EACH && <p class="hint">{words.account.more(rows.length - MOST_OF_EACH)}</p>}
    </>
  );
}
