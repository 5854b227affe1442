import { type Branding, Hidden, Layout, Mark, Notice, plain, Say, shown, Warning, words } from '../../ui';
import { type ConsentServer, Servers, Titles } from './servers';

export type { ConsentServer } from './servers';

const text = words.consent;
const SCOPES = ['mcp:read', 'mcp:write', 'mcp:destructive'] as const;

/** Bytes of tool titles on one page: what keeps it under 20 kB however many tools there are. */
const TITLES = 3800;
const TITLES_BESIDE_CODE = 2500;

/** A scope that the role allows. `tools`: titles of the gate's own tools behind it. */
export interface ConsentScope {
  scope: (typeof SCOPES)[number];
  /** Ignored for `mcp:destructive`, which a person always ticks. */
  ticked: boolean;
  asked: boolean;
  tools: string[];
}

export interface ConsentProps {
  branding: Branding;
  /** Where the form posts to, and what it carries. */
  action: string;
  hidden: Record<string, string>;
  /** `domain`: only if verified. `loopback`: the redirect goes to a program on this computer. */
  client: { name: string; domain?: string; redirectHost: string; loopback: boolean };
  /** A device that asks, instead of a redirect: its code to compare, and where the request came from. */
  device?: { userCode: string; from?: string; otherNetwork: boolean };
  /** `method`: how they signed in, as people call it ("Okta"). */
  user: { name: string; email?: string; emailVerified: boolean; method?: string };
  switchAccount: { action: string; hidden: Record<string, string> };
  scopes: ConsentScope[];
  servers: ConsentServer[];
  /** `YYYY-MM-DD`. */
  expires: { min: string; max: string; value: string };
  /** The request named `mcp:destructive`: it comes first, and what stays refused without it is said. */
  destructiveAsked: boolean;
  /** What was wrong with the form just sent. */
  notice?: string;
}

/**
 * The consent page: `decision` = `allow` | `deny`, `scope` and `server` by checkbox, `expires` by date. Its post
 * ends at the client, so it is rendered with `formAction: 'open'`.
 */
export function ConsentPage(given: ConsentProps) {
  const props = { ...given, client: { ...given.client, name: shown(given.client.name) } };
  const { branding, client } = props;
  const title = text.title(client.name, branding.name);
  return (
    <Layout branding={branding} title={plain(title)} header={false} parts={props.device ? ['device'] : []}>
      <div class="pair" aria-hidden="true">
        <Mark name={client.name} />
        <i />
        <Mark name={branding.name} logo={branding.logo} />
      </div>
      <h1>
        <Say sentence={title} />
      </h1>
      <Notice text={props.notice} />
      <Parties {...props} />
      <Caution client={client} device={props.device} />
      <form method="post" action={props.action}>
        <Hidden fields={props.hidden} />
        <Scopes {...props} />
        <Servers servers={props.servers} budget={props.device ? TITLES_BESIDE_CODE : TITLES} />
        <Expiry {...props.expires} />
        {/* Cancel first: Enter in a field then denies. It skips validation, so it works in any state. */}
        <div class="buttons">
          <button type="submit" name="decision" value="deny" formnovalidate>
            {text.deny}
          </button>
          <button type="submit" name="decision" value="allow">
            {text.allow}
          </button>
        </div>
        <p class="hint middle">
          <Say sentence={text.promise(client.name)} />
        </p>
      </form>
    </Layout>
  );
}

/** Who asks, where access goes, and as whom. */
function Parties({ client, device, user, switchAccount }: ConsentProps) {
  return (
    <dl class="facts">
      <dt>{text.app}</dt>
      <dd>
        <bdi class="name">{client.name}</bdi>{' '}
        {client.domain === undefined ? (
          <span class="badge">{text.notVerified}</span>
        ) : (
          <span class="badge good">
            <bdi>{client.domain}</bdi> {text.verified}
          </span>
        )}
      </dd>
      <dt>{text.goesTo}</dt>
      <dd>{device ? text.device : <Destination client={client} />}</dd>
      {device && (
        <>
          <dt>{text.askedFrom}</dt>
          <dd>
            <bdi>{device.from === undefined ? text.unknownPlace : shown(device.from, 160)}</bdi>
            {device.otherNetwork && <span class="hint">{text.elsewhere}</span>}
          </dd>
        </>
      )}
      <dt>{text.you}</dt>
      <dd>
        <bdi class="name">{shown(user.name)}</bdi>
        <span class="hint">
          {user.email !== undefined && <bdi>{shown(user.email, 254)}</bdi>}
          {user.email !== undefined && !user.emailVerified && ` (${text.emailNotVerified})`}
          {user.email !== undefined && user.method !== undefined && ', '}
          {user.method !== undefined && <Say sentence={text.signedInWith(user.method)} />}
        </span>
        <form method="post" action={switchAccount.action}>
          <Hidden fields={switchAccount.hidden} />
          <button type="submit" class="link">
            {text.switchAccount}
          </button>
        </form>
      </dd>
    </dl>
  );
}

function Destination({ client }: Pick<ConsentProps, 'client'>) {
  if (client.loopback) return <Say sentence={text.thisComputer(client.redirectHost)} />;
  return <bdi>{client.redirectHost}</bdi>;
}

/** What to weigh: a code that must be on the device at hand, a program on this computer, or a name that nobody vouches for. */
function Caution({ client, device }: { client: ConsentProps['client']; device: ConsentProps['device'] }) {
  if (device) {
    return (
      <>
        <p class="usercode">{device.userCode}</p>
        <Warning title={text.compareTitle}>
          <Say sentence={text.compare(client.name)} />
        </Warning>
      </>
    );
  }
  if (client.loopback) {
    return (
      <Warning title={text.loopbackTitle}>
        <Say sentence={text.loopback(client.name)} />
      </Warning>
    );
  }
  if (client.domain !== undefined) return null;
  return (
    <Warning title={text.unverifiedTitle}>
      <Say sentence={text.unverified(client.name, client.redirectHost)} />
    </Warning>
  );
}

function Scopes({ branding, client, scopes, destructiveAsked }: ConsentProps) {
  const order = destructiveAsked ? [SCOPES[2], SCOPES[0], SCOPES[1]] : SCOPES;
  const sorted = scopes.toSorted((a, b) => order.indexOf(a.scope) - order.indexOf(b.scope));
  return (
    <fieldset>
      <legend>{text.scopes}</legend>
      {sorted.map(({ scope, ticked, asked, tools }) => {
        const destructive = scope === 'mcp:destructive';
        return (
          <div class={destructive ? 'row risky' : 'row'}>
            <label>
              <input type="checkbox" name="scope" value={scope} checked={ticked && !destructive} />
              <span>
                <b>{text.scope[scope].name}</b>
                {!asked && !(destructive && destructiveAsked) && <em>{text.notAsked}</em>}
                <small>{text.scope[scope].text}</small>
                {destructive && destructiveAsked && (
                  <small>
                    <Say sentence={text.destructiveAsked(client.name)} />
                  </small>
                )}
              </span>
            </label>
            {tools.length > 0 && (
              <details>
                <summary>
                  <span>
                    <Say sentence={text.ownTools(tools.length, branding.name)} />
                  </span>
                </summary>
                <Titles titles={tools} limit={tools.length} />
              </details>
            )}
          </div>
        );
      })}
    </fieldset>
  );
}

function Expiry({ min, max, value }: ConsentProps['expires']) {
  return (
    <fieldset>
      <legend>{text.duration}</legend>
      <label class="field when">
        {text.expires}
        <input
          type="date"
          name="expires"
          min={min}
          max={max}
          value={value}
          required
          aria-describedby="until"
        />
      </label>
      <p class="hint" id="until">
        {text.expiresHint(max)}
      </p>
    </fieldset>
  );
}
