import { type Branding, Hidden, Layout, plain, Say, shown, Warning, words } from '../ui';

const text = words.visitor;
/** Names on one page at most, to keep it under 20 kB. */
const MOST_NAMES = 30;

interface VisitorProps {
  branding: Branding;
  action: string;
  hidden: Record<string, string>;
  /** The name of the visitor, marked as one, and of the user. */
  visitor: string;
  user: string;
  /** Names of what the visitor has, by kind: `grants`, `connections`. */
  left: Record<string, string[]>;
}

/** Asks whether the user takes over what a visitor has: `decision` = `take` | `leave`. */
export function VisitorPage({ branding, action, hidden, visitor, user, left }: VisitorProps) {
  const title = text.title(user);
  return (
    <Layout branding={branding} title={plain(title)}>
      <h1>
        <Say sentence={title} />
      </h1>
      <p class="lead">
        <Say sentence={text.lead(visitor)} />
      </p>
      {Object.entries(left).map(([kind, names]) => (
        <Left title={kind === 'grants' ? text.apps : text.connections} names={names} />
      ))}
      <Warning title={text.cautionTitle}>{text.caution}</Warning>
      <form method="post" action={action}>
        <Hidden fields={hidden} />
        <div class="buttons">
          <button type="submit" name="decision" value="leave">
            {text.leave}
          </button>
          <button type="submit" name="decision" value="take">
            {text.take}
          </button>
        </div>
      </form>
    </Layout>
  );
}

function Left({ title, names }: { title: string; names: string[] }) {
  if (names.length === 0) return null;
  return (
    <>
      <h2>{title}</h2>
      <ul>
        {names.slice(0, MOST_NAMES).map((name) => (
          <li>
            <bdi>{shown(name)}</bdi>
          </li>
        ))}
        {names.length > MOST_NAMES && <li>{words.consent.moreTools(names.length - MOST_NAMES)}</li>}
      </ul>
    </>
  );
}
