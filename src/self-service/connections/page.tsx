import { type ConnectableAccount, ServiceList } from '../../connections';
import { type Branding, Layout, Notice, words } from '../../ui';

const text = words.account;
/** Servers on one page: what keeps it under 20 kB. */
const MOST_SHOWN = 6;

interface ConnectionsPageProps {
  branding: Branding;
  /** All there are; the page begins with the one at `from`. */
  services: ConnectableAccount[];
  from: number;
  action: string;
  hidden: Record<string, string>;
  notice?: string | undefined;
}

/**
 * `/account/connections`: how one's own accounts at the servers behind stand. A post of it may end at a provider, so
 * it is rendered with `formAction: 'open'`.
 */
export function ConnectionsPage({ branding, services, notice, ...props }: ConnectionsPageProps) {
  const { from: asked, ...forms } = props;
  const from = asked < services.length ? asked : 0;
  const next = from + MOST_SHOWN;
  return (
    <Layout branding={branding} title={text.connections} parts={['services']}>
      <h1>{text.connections}</h1>
      <p class="lead">{services.length === 0 ? text.noConnections : text.connectionsLead}</p>
      <Notice text={notice} />
      {services.length > 0 && <ServiceList services={services.slice(from, next)} {...forms} manage />}
      {next < services.length && (
        <p>
          <a href={`?from=${next}`}>{text.more(services.length - next)}</a>
        </p>
      )}
      <p class="hint rule">
        <a href="/account">{text.title}</a>
      </p>
    </Layout>
  );
}
