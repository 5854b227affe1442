import { shown, words } from '../../ui';

const text = words.consent;
const KINDS = ['read', 'write', 'destructive'] as const;
const LONGEST_TITLE = 60;

/** A server behind the gate, with the titles of its tools by what they do. */
export interface ConsentServer {
  name: string;
  title: string;
  description?: string;
  ticked: boolean;
  /** Absent while it is not known what the server offers. */
  tools?: Record<(typeof KINDS)[number], string[]>;
}

/** The servers to choose from, each with its tools by what they do; `budget`: bytes for all their titles. */
export function Servers({ servers, budget }: { servers: ConsentServer[]; budget: number }) {
  if (servers.length === 0) return null;
  const limit = titlesPerList(servers, budget);
  return (
    <fieldset>
      <legend>{text.servers}</legend>
      {servers.map(({ name, title, description, ticked, tools }) => (
        <div class="row">
          <label>
            <input type="checkbox" name="server" value={name} checked={ticked} />
            <span>
              <b>
                <bdi>{shown(title)}</bdi>
              </b>
              {description !== undefined && (
                <small>
                  <bdi>{shown(description, 120)}</bdi>
                </small>
              )}
            </span>
          </label>
          {tools && <ServerTools tools={tools} limit={limit} />}
        </div>
      ))}
    </fieldset>
  );
}

/** How many tools of each kind, to unfold; what isn't ticked above is struck out by the style alone. */
function ServerTools({ tools, limit }: { tools: NonNullable<ConsentServer['tools']>; limit: number }) {
  const kinds = KINDS.filter((kind) => tools[kind].length > 0);
  if (kinds.length === 0) return <p class="hint">{text.noTools}</p>;
  return (
    <details>
      <summary>
        {kinds.map((kind) => (
          <span class={kind}>
            {tools[kind].length} {text.kinds[kind]}{' '}
          </span>
        ))}
      </summary>
      {kinds.map((kind) => (
        <div class={kind}>
          <b>{text.scope[`mcp:${kind}`].name}</b>
          <Titles titles={tools[kind]} limit={limit} />
        </div>
      ))}
    </details>
  );
}

export function Titles({ titles, limit }: { titles: string[]; limit: number }) {
  return (
    <ul>
      {titles.slice(0, limit).map((title) => (
        <li>
          <bdi>{shown(title, LONGEST_TITLE)}</bdi>
        </li>
      ))}
      {titles.length > limit && <li>{text.moreTools(titles.length - limit)}</li>}
    </ul>
  );
}

/** The most titles that each list may show while all lists together keep to the budget. */
function titlesPerList(servers: ConsentServer[], budget: number): number {
  const encoder = new TextEncoder();
  const cost = (title: string) => encoder.encode(`<li><bdi>${shown(title, LONGEST_TITLE)}</bdi></li>`).length;
  const lists = servers.flatMap(({ tools }) => KINDS.map((kind) => (tools?.[kind] ?? []).map(cost)));
  let spent = 0;
  for (let limit = 0; ; limit++) {
    const next = lists.flatMap((list) => list.slice(limit, limit + 1));
    spent += next.reduce((sum, bytes) => sum + bytes, 0);
    if (next.length === 0 || (limit > 0 && spent > budget)) return limit;
  }
}
