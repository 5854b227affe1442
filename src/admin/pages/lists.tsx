import { deploymentOf, describeSettings, titleOf } from '../../config';
import { shown, showPage, words } from '../../ui';
import { type UsedClient, usedClients } from '../clients/clients';
import type { AdminContext } from '../shared/admit';
import { findKeys, type ListedKey } from '../shared/keys';
import { type ServerStatus, serverStatuses } from '../shared/servers';
import { actionLink } from './actions';
import { Frame, type FrameProps, frameOf } from './frame';

const text = words.admin;
/** Rows on one page: what keeps it under 20 kB. */
const MOST_SHOWN = 20;

/** `GET /admin`: the pages that there are. */
export async function showAdminHome(c: AdminContext): Promise<Response> {
  return showPage(c, <AdminHome {...frameOf(c)} />);
}

export function AdminHome(frame: FrameProps) {
  return (
    <Frame {...frame} title={text.title}>
      <ul class="rows">
        {(Object.keys(text.sections) as (keyof typeof text.sections)[]).map((section) => (
          <li class="row">
            <a href={`/admin/${section}`}>
              <b>{text.sections[section]}</b>
              <small>{text.texts[section]}</small>
            </a>
          </li>
        ))}
      </ul>
    </Frame>
  );
}

/** `GET /admin/clients?from=`: the apps, and how many people use each. */
export async function showClients(c: AdminContext): Promise<Response> {
  const clients = await usedClients(deploymentOf(c));
  const from = Math.max(0, Number.parseInt(c.req.query('from') ?? '', 10) || 0);
  return showPage(c, <ClientsPage {...frameOf(c)} clients={clients} from={from} />);
}

export function ClientsPage({
  clients,
  from,
  ...frame
}: FrameProps & { clients: UsedClient[]; from: number }) {
  const next = from + MOST_SHOWN;
  return (
    <Frame {...frame} title={text.sections.clients}>
      {clients.length === 0 && <p class="hint">{text.none}</p>}
      <ul class="rows">
        {clients.slice(from, next).map(({ id, name, kind, users, blocked }) => {
          const action = blocked ? 'unblock' : 'block';
          return (
            <li class="row entry">
              <b>
                <bdi>{shown(name, 60)}</bdi>
              </b>{' '}
              {blocked && <span class="badge no">{text.clients.blocked}</span>}
              <small>
                {text.clients.users(users)} · {text.clients.kinds[kind]}
              </small>
              <span class="links">
                <small>
                  <a href={`/admin/audit?${new URLSearchParams({ client: id })}`}>{text.sections.audit}</a>
                </small>
                {!frame.readOnly && (
                  <small>
                    <a href={actionLink(action, id)}>{text.actions[action].label}</a>
                  </small>
                )}
              </span>
            </li>
          );
        })}
      </ul>
      {next < clients.length && (
        <p class="links">
          <a href={`?from=${next}`}>{text.next}</a>
        </p>
      )}
    </Frame>
  );
}

/** `GET /admin/servers`: the servers, and whether each answers. */
export async function showServers(c: AdminContext): Promise<Response> {
  return showPage(c, <ServersPage {...frameOf(c)} statuses={await serverStatuses(c)} />);
}

export function ServersPage({ statuses, ...frame }: FrameProps & { statuses: ServerStatus[] }) {
  return (
    <Frame {...frame} title={text.sections.servers}>
      {statuses.length === 0 && <p class="hint">{text.none}</p>}
      <ul class="rows">
        {statuses.slice(0, 40).map(({ server, problem }) => (
          <li class="row entry">
            <b>
              <bdi>{shown(titleOf(server), 60)}</bdi>
            </b>{' '}
            <span class={problem === undefined ? 'badge good' : 'badge no'}>
              {problem === undefined ? text.servers.ok : shown(problem, 100)}
            </span>
            <small>
              <bdi>{shown(server.url ?? server.binding ?? server.entrypoint ?? '', 100)}</bdi> · {server.auth}
              {server.groups && ` · ${text.servers.groups}: ${shown(server.groups.join(', '), 80)}`}
            </small>
            <small>
              <a href={`/admin/audit?server=${server.name}`}>{text.sections.audit}</a>
            </small>
          </li>
        ))}
      </ul>
    </Frame>
  );
}

/** `GET /admin/keys?cursor=`: all keys of people and services. */
export async function showAllKeys(c: AdminContext): Promise<Response> {
  const found = await findKeys(c.env, { limit: MOST_SHOWN, cursor: c.req.query('cursor') });
  return showPage(c, <AllKeysPage {...frameOf(c)} {...found} />);
}

export function AllKeysPage({
  keys,
  cursor,
  ...frame
}: FrameProps & { keys: ListedKey[]; cursor?: string | undefined }) {
  return (
    <Frame {...frame} title={text.sections.keys}>
      {keys.length === 0 && <p class="hint">{text.none}</p>}
      <ul class="rows">
        {keys.map((key) => (
          <li class="row entry">
            <b>
              <bdi>{shown(key.name, 60)}</bdi>
            </b>{' '}
            {key.kind === 'service' && <span class="badge">{text.keys.service}</span>}
            <small>
              {text.keys.owner}{' '}
              <a href={`/admin/users/${key.user_id}`}>
                <bdi>{shown(key.user_name, 60)}</bdi>
              </a>
              , {text.keys.ends(key.expires_at.slice(0, 10))}
            </small>
            <small>{key.scope}</small>
            {!frame.readOnly && (
              <a
                href={actionLink('revoke-key', key.id)}
                aria-label={text.person.revokeNamed(shown(key.name, 60))}
              >
                <small>{text.person.revoke}</small>
              </a>
            )}
          </li>
        ))}
      </ul>
      {cursor !== undefined && (
        <p class="links">
          <a href={`?cursor=${encodeURIComponent(cursor)}`}>{text.next}</a>
        </p>
      )}
    </Frame>
  );
}

/** `GET /admin/settings`: the settings in effect. */
export async function showSettingsPage(c: AdminContext): Promise<Response> {
  return showPage(c, <SettingsPage {...frameOf(c)} settings={describeSettings(deploymentOf(c).settings)} />);
}

/** The longest value that is shown whole: `/api/admin/settings` has the rest. */
const LONGEST_VALUE = 700;

export function SettingsPage({ settings, ...frame }: FrameProps & { settings: Record<string, unknown> }) {
  return (
    <Frame {...frame} title={text.sections.settings}>
      {Object.entries(settings).map(([name, value]) => (
        <>
          <h2>{name}</h2>
          <pre>
            <code>{value === undefined ? text.none : shown(JSON.stringify(value), LONGEST_VALUE)}</code>
          </pre>
        </>
      ))}
    </Frame>
  );
}
