import { Hidden, Mark, Say, shown, words } from '../../ui';
import type { ConnectionStatus, NeededConnection } from '../client/needed';

const text = words.connection;

/** A server as it is shown to a person who may connect their own account there. */
export interface ConnectableAccount {
  name: string;
  title: string;
  description?: string | undefined;
  auth: 'oauth' | 'api_key';
  status: ConnectionStatus;
  /** The tag of why it needs re-authorization. */
  reason?: string | undefined;
}

/** A needed connection as it is shown. */
export function connectableAccountOf({ server, status, reason }: NeededConnection): ConnectableAccount {
  const { name, title, description, auth } = server;
  return { name, title: title ?? name, description, auth, status, reason };
}

interface ListProps {
  accounts: ConnectableAccount[];
  /** Where all forms post to, and what each carries: `connect` or `disconnect` names the server. */
  action: string;
  hidden: Record<string, string>;
  /** Whether connections can be ended and replaced here. */
  manage?: boolean;
}

/** The label that screen readers read for a button that is there once for each server. */
function named(label: string, title: string): string {
  return `${label}: ${shown(title, 30)}`;
}

/** Servers, each with its status and what can be done: a button, or a field for a key. */
export function AccountList({ accounts, ...props }: ListProps) {
  return (
    <ul class="rows">
      {accounts.map((account) => (
        <AccountRow {...props} account={account} />
      ))}
    </ul>
  );
}

type RowProps = Omit<ListProps, 'accounts'> & { account: ConnectableAccount };

function AccountRow(props: RowProps) {
  const { account, manage = false } = props;
  const { title, description, status, auth } = account;
  const open = status !== 'connected' && status !== 'orphaned';
  return (
    <li class="row service">
      <Mark name={title} />
      <div>
        <b>
          <bdi>{shown(title)}</bdi>
        </b>{' '}
        <Status account={account} />
        {description !== undefined && (
          <small>
            <bdi>{shown(description, 80)}</bdi>
          </small>
        )}
      </div>
      {open && (auth === 'oauth' ? <ConnectButton {...props} /> : <KeyForm {...props} />)}
      {manage && status !== 'not_connected' && status !== 'pending' && <Manage {...props} />}
    </li>
  );
}

function Status({ account: { status, reason } }: { account: ConnectableAccount }) {
  if (status === 'connected') return <span class="badge good">{text.statuses.connected}</span>;
  if (status !== 'needs_reauthorization') return <em>{text.statuses[status]}</em>;
  const why = reason === 'vault_unreadable' || reason === 'server_moved' ? text.reasons[reason] : undefined;
  return <span class="badge">{why ?? text.statuses.needs_reauthorization}</span>;
}

function ConnectButton({ account: { name, title, status }, action, hidden }: RowProps) {
  const label = status === 'needs_reauthorization' ? text.reconnect : text.connect;
  return (
    <form method="post" action={action}>
      <Hidden fields={hidden} />
      <button type="submit" name="connect" value={name} aria-label={named(label, title)}>
        {label}
      </button>
    </form>
  );
}

function KeyForm({ account: { name, title }, action, hidden }: RowProps) {
  return (
    <form method="post" action={action} class="wide">
      <Hidden fields={hidden} />
      <label class="field" for={`key-${name}`}>
        <Say sentence={text.key(title)} />
      </label>
      <div class="paste">
        <input type="password" name="key" id={`key-${name}`} autocomplete="off" spellcheck={false} required />
        <button type="submit" name="connect" value={name} aria-label={named(text.connect, title)}>
          {text.connect}
        </button>
      </div>
    </form>
  );
}

/** Buttons to replace a connection and to end it. */
function Manage(props: RowProps) {
  const { account, action, hidden } = props;
  const { name, title, auth, status } = account;
  const end = status === 'orphaned' ? text.remove : text.disconnect;
  return (
    <div class="wide">
      {status === 'connected' && auth === 'api_key' && (
        <details>
          <summary>{text.otherKey}</summary>
          <KeyForm {...props} />
        </details>
      )}
      <form method="post" action={action} class="links">
        <Hidden fields={hidden} />
        {status === 'connected' && auth === 'oauth' && (
          <button
            type="submit"
            class="link"
            name="connect"
            value={name}
            aria-label={named(text.reconnect, title)}
          >
            {text.reconnect}
          </button>
        )}
        <button type="submit" class="link" name="disconnect" value={name} aria-label={named(end, title)}>
          {end}
        </button>
      </form>
    </div>
  );
}
