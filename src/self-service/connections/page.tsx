import { AccountList, type ConnectableAccount } from '../../connections';
import { type Branding, Layout, Notice, words } from '../../ui';

const text = words.account;
/** Servers on one page at most, to keep it under 20 kB. */
const MOST_SHOWN = 6;

interface ConnectionsPageProps {
  branding: Branding;
  /** All of them; the page begins with the one at the index `from`. */
  accounts: ConnectableAccount[];
  from: number;
  action: string;
  hidden: Record<string, string>;
  notice?: string | undefined;
}

/** `/account/connections`: one's own accounts at the servers. Needs `formAction: 'open'`: a form may lead to a provider. */
export function ConnectionsPage({ branding, accounts, notice, ...props }: ConnectionsPageProps) {
  const { from: asked, ...forms } = props;
  const from = asked < accounts.length ? asked : 0;
  const next = from + MOST_SHOWN;
  return (
    <Layout branding={branding} title={text.connections} parts={['lists']}>
      <h1>{text.connections}</h1>
      <p class="lead">{accounts.length === 0 ? text.noConnections : text.connectionsLead}</p>
      <Notice text={notice} />
      {accounts.length > 0 && <AccountList accounts={accounts.slice(from, next)} {...forms} manage />}
      {next < accounts.length && (
        <p>
          <a href={`?from=${next}`}>{text.more(accounts.length - next)}</a>
        </p>
      )}
      <p class="hint rule">
        <a href="/account">{text.title}</a>
      </p>
    </Layout>
  );
}
