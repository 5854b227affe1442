import { AccountList, type ConnectableAccount } from '../../connections';
import { type Branding, Hidden, Layout, Mark, Notice, Say, shown, words } from '../../ui';

const text = words.services;
/** Servers on one page, those still to be connected first: what keeps it under 20 kB. */
const MOST_SHOWN = 8;

export interface ConnectAccountsProps {
  branding: Branding;
  /** The client's name. */
  client: string;
  user: { name: string; email?: string | undefined };
  accounts: ConnectableAccount[];
  /** Where all its forms post to, and what each carries. */
  action: string;
  hidden: Record<string, string>;
  switchAccount: { action: string; hidden: Record<string, string> };
  /** The consent page of the same request. */
  consent: string;
  notice?: string | undefined;
}

/**
 * The page "Connect your accounts": `connect` = a server's name (with `key` where one is pasted), and `decision` = `finish` |
 * `skip`. Its posts end at a provider or at the client, so it is rendered with `formAction: 'open'`.
 */
export function ConnectAccountsPage(props: ConnectAccountsProps) {
  const { branding, accounts, action, hidden, consent, notice } = props;
  const client = shown(props.client);
  const done = accounts.every(({ status }) => status === 'connected');
  const title = done ? text.titleDone : text.title;
  const lead = done ? text.leadDone(client) : text.lead(client);
  const sorted = accounts.length > MOST_SHOWN ? accounts.toSorted(openFirst) : accounts;
  const more = accounts.length - MOST_SHOWN;
  return (
    <Layout branding={branding} title={title} header={false} parts={['lists']}>
      <div class="pair" aria-hidden="true">
        <Mark name={client} />
        <i />
        <Mark name={branding.name} logo={branding.logo} />
      </div>
      <h1>{title}</h1>
      <p class="lead">
        <Say sentence={lead} />
      </p>
      <Notice text={notice} />
      <AccountList accounts={sorted.slice(0, MOST_SHOWN)} action={action} hidden={hidden} />
      {more > 0 && <p class="hint">{text.more(more)}</p>}
      <form method="post" action={action} class={done ? undefined : 'buttons'}>
        <Hidden fields={hidden} />
        {!done && (
          <button type="submit" class="quiet" name="decision" value="skip">
            {text.skip}
          </button>
        )}
        <button type="submit" class={done ? undefined : 'quiet'} name="decision" value="finish">
          {text.finish}
        </button>
      </form>
      {!done && <p class="hint middle">{text.later}</p>}
      <Person {...props} consent={consent} />
    </Layout>
  );
}

/** As whom, and the ways back: to what was allowed, and to another account. */
function Person({ user, switchAccount, consent }: ConnectAccountsProps) {
  return (
    <div class="rule hint">
      <Say sentence={words.signIn.signedIn(user.name)} />
      {user.email !== undefined && (
        <>
          {' '}
          (<bdi>{shown(user.email, 254)}</bdi>)
        </>
      )}
      <form method="post" action={switchAccount.action} class="links">
        <Hidden fields={switchAccount.hidden} />
        <a href={consent}>{text.change}</a>
        <button type="submit" class="link">
          {words.consent.switchAccount}
        </button>
      </form>
    </div>
  );
}

function openFirst(a: ConnectableAccount, b: ConnectableAccount): number {
  return Number(a.status === 'connected') - Number(b.status === 'connected');
}
