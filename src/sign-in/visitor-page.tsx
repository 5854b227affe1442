import { type Branding, Hidden, Layout, plain, Say, shown, Warning, words } from '../ui';

const text = words.visitor;
/** Names on one page: what keeps it under 20 kB however much there is. */
const MOST_NAMES = 30;

interface VisitorProps {
  branding: Branding;
  action: string;
  hidden: Record<string, string>;
  /** The visitor's name as it is marked, and the user's. */
  visitor: string;
  user: string;
  /** Names of what was left, by what it is. */
  left: Record<string, string[]>;
}

/** Asks whether what a visitor had allowed goes along: `decision` = `take` | `leave`. */
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
