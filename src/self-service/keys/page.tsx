import type { AccessKey } from '../../account';
import { type Branding, Hidden, Layout, Notice, plain, Say, shown, words } from '../../ui';
import { showDay } from '../shared/times';

const text = words.keys;
const scopeWords = words.consent.scope;
/** Keys on one page at most, to keep it under 20 kB. */
const MOST_SHOWN = 12;
const LONGEST_NAME = 60;

export interface KeysPageProps {
  branding: Branding;
  hidden: Record<string, string>;
  /** The id of the key that the form will make. */
  id: string;
  /** All of them; the page begins with the one at the index `from`. */
  keys: AccessKey[];
  from: number;
  now: number;
  /** The scopes that the person may give a key. */
  scopes: (keyof typeof scopeWords)[];
  servers: { name: string; title: string }[];
  expires: { min: string; max: string; value: string };
  /** What the form just sent held, to be corrected. */
  values?: { name: string; scope: string[]; server: string[] };
  notice?: string;
}

/** `/account/keys`: one's own keys, each with a button to revoke it, and the form that makes one. */
export function KeysPage(props: KeysPageProps) {
  const { branding, keys, hidden, now, notice } = props;
  const from = props.from < keys.length ? props.from : 0;
  const shownKeys = keys.slice(from, from + MOST_SHOWN);
  const next = from + MOST_SHOWN;
  return (
    <Layout branding={branding} title={text.title}>
      <h1>{text.title}</h1>
      <p class="lead">{text.lead}</p>
      <Notice text={notice} />
      {keys.length === 0 && <p class="hint rule">{text.none}</p>}
      <form method="post" action="/account/keys/revoke">
        <Hidden fields={hidden} />
        {shownKeys.map((key) => (
          <KeyRow of={key} now={now} />
        ))}
      </form>
      {next < keys.length && <a href={`/account/keys?from=${next}`}>{text.more(keys.length - next)}</a>}
      <h2>{text.make}</h2>
      <MakeForm {...props} />
      <p class="hint rule">
        <a href="/account">{words.account.title}</a>
      </p>
    </Layout>
  );
}

function KeyRow({ of: key, now }: { of: AccessKey; now: number }) {
  const name = shown(key.name, LONGEST_NAME);
  const servers = key.servers.length === 0 ? text.noServers : shown(key.servers.join(', '), LONGEST_NAME);
  return (
    <div class="rule">
      <b>
        <bdi>{name}</bdi>
      </b>
      <p class="hint">
        {scopeWords[key.scope.at(-1) ?? 'mcp:read'].name}, {servers}
      </p>
      <p class="hint">
        {text.created(showDay(key.created_at))},{' '}
        {key.last_used_at === undefined ? text.unused : text.used(showDay(key.last_used_at))},{' '}
        {key.expires_at > now ? text.ends(showDay(key.expires_at)) : text.ended(showDay(key.expires_at))}
      </p>
      <button class="link" type="submit" name="key" value={key.id} aria-label={text.revokeNamed(name)}>
        {text.revoke}
      </button>
    </div>
  );
}

function MakeForm({ hidden, id, scopes, servers, expires, values }: KeysPageProps) {
  const isTicked = (list: string[] | undefined, name: string, otherwise: boolean) =>
    list ? list.includes(name) : otherwise;
  return (
    <form method="post" action="/account/keys">
      <Hidden fields={{ ...hidden, id }} />
      <label class="field">
        {text.name}
        <input name="name" value={values?.name} maxlength={100} dir="auto" required aria-describedby="name" />
      </label>
      <p class="hint" id="name">
        {text.nameHint}
      </p>
      <fieldset>
        <legend>{words.consent.scopes}</legend>
        {scopes.map((scope) => (
          <Box
            name="scope"
            value={scope}
            ticked={isTicked(values?.scope, scope, scope === 'mcp:read')}
            title={scopeWords[scope].name}
            hint={scopeWords[scope].text}
          />
        ))}
      </fieldset>
      {servers.length > 0 && (
        <fieldset>
          <legend>{words.consent.servers}</legend>
          {servers.map(({ name, title }) => (
            <Box
              name="server"
              value={name}
              ticked={isTicked(values?.server, name, true)}
              title={shown(title)}
            />
          ))}
        </fieldset>
      )}
      <label class="field when">
        {text.expires}
        <input type="date" name="expires" {...expires} required />
      </label>
      <button type="submit">{text.submit}</button>
    </form>
  );
}

function Box(props: { name: string; value: string; ticked: boolean; title: string; hint?: string }) {
  return (
    <div class="row">
      <label>
        <input type="checkbox" name={props.name} value={props.value} checked={props.ticked} />
        <span>
          <b>
            <bdi>{props.title}</bdi>
          </b>
          {props.hint !== undefined && <small>{props.hint}</small>}
        </span>
      </label>
    </div>
  );
}

/** The page of a new key, the only one that shows it. `url`: where it can be used. */
export function KeyMadePage(props: { branding: Branding; name: string; keyText: string; url: string }) {
  const title = text.made(props.name);
  return (
    <Layout branding={props.branding} title={plain(title)} parts={['apps']}>
      <h1>
        <Say sentence={title} />
      </h1>
      <p class="lead">{text.copy}</p>
      <pre class="url">
        <code class="pickable" id="key">
          {props.keyText}
        </code>
      </pre>
      <p class="hint">{text.copyHint}</p>
      <h2>{text.use}</h2>
      <pre>
        <code>
          {props.url}
          {'\n'}Authorization: Bearer gth_…{'\n'}x-api-key: gth_…
        </code>
      </pre>
      <a class="button" href="/account/keys">
        {text.back}
      </a>
    </Layout>
  );
}
