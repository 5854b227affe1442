import { type Branding, Hidden, Layout, Notice, plain, Say, shown, words } from '../ui';

const text = words.signIn;

export interface SignInProps {
  branding: Branding;
  /** Where the form of each method posts to, and its hidden fields. */
  action: string;
  hidden: Record<string, string>;
  /** The client whose authorization waits for this sign-in. */
  clientName?: string;
  /** The methods that are offered. `oidc`: a provider's `name` is posted, its `title` is shown. */
  methods: {
    local: boolean;
    key?: boolean;
    skip?: boolean;
    oidc: { name: string; title: string }[];
  };
  /** What was typed into the form just sent, to be corrected instead of typed again. */
  values?: { name?: string; email?: string; groups?: string };
  /** What was wrong with the form just sent. */
  notice?: string;
}

type FormProps = Pick<SignInProps, 'action' | 'hidden'>;

/**
 * The sign-in page: a form for each method, with its name in `method`. Needs `formAction: 'open'`, because the form of a
 * provider leads there.
 */
export function SignInPage({ branding, action, hidden, clientName, methods, values, notice }: SignInProps) {
  const title = text.title(branding.name);
  const { local, key = false, skip = false, oidc } = methods;
  const none = !local && !key && !skip && oidc.length === 0;
  const form = { action, hidden };
  return (
    <Layout branding={branding} title={plain(title)}>
      <h1>
        <Say sentence={title} />
      </h1>
      {clientName !== undefined && (
        <p class="lead">
          <Say sentence={text.waiting(shown(clientName))} />
        </p>
      )}
      <Notice text={notice} />
      {none && <p>{text.none}</p>}
      {oidc.map((provider) => (
        <OidcForm {...form} provider={provider} />
      ))}
      {local && oidc.length > 0 && <p class="or">{text.or}</p>}
      {local && <LocalForm {...form} values={values ?? {}} />}
      {key && (local || oidc.length > 0) && <p class="or">{text.or}</p>}
      {key && <KeyForm {...form} />}
      {skip && (local || key || oidc.length > 0) && <p class="or">{text.or}</p>}
      {skip && <SkipForm {...form} />}
    </Layout>
  );
}

function OidcForm({ action, hidden, provider }: FormProps & { provider: { name: string; title: string } }) {
  return (
    <form method="post" action={action}>
      <Hidden fields={{ ...hidden, method: 'oidc', provider: provider.name }} />
      <button type="submit">
        <Say sentence={text.provider(provider.title)} />
      </button>
    </form>
  );
}

function KeyForm({ action, hidden }: FormProps) {
  return (
    <form method="post" action={action}>
      <Hidden fields={{ ...hidden, method: 'key' }} />
      <label class="field">
        {text.key}
        <input type="password" name="access_key" autocomplete="off" maxlength={200} required />
      </label>
      <button type="submit">{text.keySubmit}</button>
      <p class="hint">{text.keyHint}</p>
    </form>
  );
}

function SkipForm({ action, hidden }: FormProps) {
  return (
    <form method="post" action={action}>
      <Hidden fields={{ ...hidden, method: 'skip' }} />
      <details class="more">
        <summary>{text.labelMore}</summary>
        <label class="field">
          {text.label}
          <input name="label" dir="auto" maxlength={40} aria-describedby="label" />
        </label>
        <p class="hint" id="label">
          {text.labelHint}
        </p>
      </details>
      <button type="submit">{text.skip}</button>
      <p class="hint">{text.skipHint}</p>
    </form>
  );
}

function LocalForm({ action, hidden, values }: FormProps & { values: NonNullable<SignInProps['values']> }) {
  const more = values.email !== undefined || values.groups !== undefined;
  return (
    <form method="post" action={action}>
      <Hidden fields={{ ...hidden, method: 'local' }} />
      <label class="field">
        {text.name}
        <input
          name="name"
          value={values.name}
          autocomplete="name"
          dir="auto"
          maxlength={100}
          required
          autofocus
        />
      </label>
      <details class="more" open={more}>
        <summary>{text.more}</summary>
        <label class="field">
          {text.email}
          <input type="email" name="email" value={values.email} autocomplete="email" dir="auto" />
        </label>
        <label class="field">
          {text.groups}
          <input name="groups" value={values.groups} dir="auto" aria-describedby="groups" />
        </label>
        <p class="hint" id="groups">
          {text.groupsHint}
        </p>
      </details>
      <button type="submit">{text.submit}</button>
      <p class="hint">
        <strong>{text.localTitle}</strong> {text.local}
      </p>
    </form>
  );
}
