import {
  type Branding,
  CodeField,
  Hidden,
  Layout,
  Notice,
  plain,
  Say,
  shown,
  Warning,
  words,
} from '../../ui';
import type { ConnectionStatus } from '../client/needed';

const text = words.connection;

export interface ConnectProps {
  branding: Branding;
  /** The server's title. */
  server: string;
  description?: string | undefined;
  auth: 'oauth' | 'api_key';
  status: ConnectionStatus;
  user: { name: string; email?: string | undefined };
  /** Whether the person is a visitor who proved it by their app's code: then they can't switch accounts. */
  byCode: boolean;
  action: string;
  hidden: Record<string, string>;
  switchAccount: { action: string; hidden: Record<string, string> };
  notice?: string | undefined;
}

/** One server, one button; nothing happens before it is pressed. Needs `formAction: 'open'`: it may lead to a provider. */
export function ConnectServerPage(props: ConnectProps) {
  const { branding, server, description, auth, status, user, byCode, action, hidden, notice } = props;
  const title = text.title(server);
  const lead = auth === 'oauth' ? text.oauth(branding.name, server) : text.apiKey(branding.name, server);
  return (
    <Layout branding={branding} title={plain(title)}>
      <h1>
        <Say sentence={title} />
      </h1>
      {description !== undefined && <p class="lead">{shown(description, 300)}</p>}
      <dl class="facts">
        <dt>{byCode ? text.code.visitor : text.you}</dt>
        <dd>
          <bdi class="name">{shown(user.name)}</bdi>
          {user.email !== undefined && <span class="hint">{shown(user.email, 254)}</span>}
          {!byCode && (
            <form method="post" action={props.switchAccount.action}>
              <Hidden fields={props.switchAccount.hidden} />
              <button type="submit" class="link">
                {text.switchAccount}
              </button>
            </form>
          )}
        </dd>
        <dt>{text.status}</dt>
        <dd>{text.statuses[status]}</dd>
      </dl>
      <Notice text={notice} />
      <form method="post" action={action}>
        <Hidden fields={hidden} />
        {auth === 'api_key' && (
          <label class="field">
            <Say sentence={text.key(server)} />
            <input type="password" name="key" autocomplete="off" spellcheck={false} required autofocus />
          </label>
        )}
        <button type="submit">
          {auth === 'oauth' ? <Say sentence={text.submitOauth(server)} /> : text.submitKey}
        </button>
        <p class="hint">{auth === 'oauth' ? <Say sentence={lead} /> : text.submitted}</p>
      </form>
      {auth === 'api_key' && (
        <p class="hint">
          <Say sentence={lead} />
        </p>
      )}
    </Layout>
  );
}

interface CodeProps {
  branding: Branding;
  /** The server's title. */
  server: string;
  action: string;
  hidden: Record<string, string>;
  notice: string | undefined;
}

/** Where a person proves that the app is theirs, by the code next to its link (`user_code`). */
export function CodePage({ branding, server, action, hidden, notice }: CodeProps) {
  return (
    <Layout branding={branding} title={text.code.title}>
      <h1>{text.code.title}</h1>
      <p class="lead">
        <Say sentence={text.code.lead(server)} />
      </p>
      <Warning title={text.code.warningTitle}>
        <Say sentence={text.code.warning(server)} />
      </Warning>
      <Notice text={notice} />
      <form method="post" action={action}>
        <Hidden fields={hidden} />
        <CodeField label={text.code.field} />
        <button type="submit">{text.code.submit}</button>
      </form>
    </Layout>
  );
}

/** After connecting. */
export function ConnectedPage({ branding, server }: { branding: Branding; server: string }) {
  const title = text.done(server);
  return (
    <Layout branding={branding} title={plain(title)}>
      <h1>
        <Say sentence={title} />
      </h1>
      <p class="lead">{text.doneText}</p>
    </Layout>
  );
}
