import type { PropsWithChildren } from 'hono/jsx';
import { type Branding, Layout, plain, Say, words } from '../ui';

const text = words.connect;

/** How to connect one client: its steps, what to run or paste after some of them, and a link that does it all. */
interface Recipe {
  name: string;
  steps: string[];
  snippets?: Record<number, string>;
  link?: string;
}

/** How to connect each client. `url`: what to paste; `origin`: the shorter URL of the same endpoint. */
export function ConnectPage({ branding, url, origin }: { branding: Branding; url: string; origin: string }) {
  const title = text.title(branding.name);
  return (
    <Layout branding={branding} title={plain(title)} parts={['apps']}>
      <h1>
        <Say sentence={title} />
      </h1>
      <p class="lead">{text.lead}</p>
      <Snippet class="url" label={text.url}>
        {url}
      </Snippet>
      <p class="hint">{text.pick}</p>
      <h2>{text.clients}</h2>
      <div class="list">
        {recipes(serverName(branding.name), url).map((recipe) => (
          <Client {...recipe} />
        ))}
      </div>
      {origin !== url && (
        <p class="hint">
          <Say sentence={text.hint(origin, url)} />
        </p>
      )}
    </Layout>
  );
}

function Client({ name, steps, snippets = {}, link }: Recipe) {
  return (
    <details>
      <summary>{name}</summary>
      {link !== undefined && (
        <p>
          <a class="button" href={link}>
            {text.oneClick(name)}
          </a>
        </p>
      )}
      {link !== undefined && <p>{text.orByHand}</p>}
      <ol>
        {steps.map((step, index) => (
          <li>
            {step}
            {snippets[index] !== undefined && <Snippet>{snippets[index]}</Snippet>}
          </li>
        ))}
      </ol>
    </details>
  );
}

/** Text to copy: one click selects it all, without a script. */
function Snippet({
  class: name = '',
  label,
  children,
}: PropsWithChildren<{ class?: string; label?: string }>) {
  return (
    <pre
      class={`pickable ${name}`}
      dir="ltr"
      {...(label === undefined ? {} : { role: 'group', 'aria-label': label })}
    >
      <code>{children}</code>
    </pre>
  );
}

function recipes(name: string, url: string): Recipe[] {
  const { claude, claudeCode, chatgpt, cursor, vscode, inspector, remote } = text.steps;
  const entry = { type: 'http', url };
  return [
    claude,
    { ...claudeCode, snippets: { 0: `claude mcp add --transport http ${name} ${url}` } },
    chatgpt,
    {
      ...cursor,
      snippets: { 0: json({ mcpServers: { [name]: { url } } }) },
      link: `cursor://anysphere.cursor-deeplink/mcp/install?name=${name}&config=${encodeURIComponent(btoa(JSON.stringify({ url })))}`,
    },
    {
      ...vscode,
      snippets: { 0: json({ servers: { [name]: entry } }) },
      link: `vscode:mcp/install?${encodeURIComponent(JSON.stringify({ name, ...entry }))}`,
    },
    {
      ...inspector,
      snippets: { 0: `npx @modelcontextprotocol/inspector --transport http --server-url ${url}` },
    },
    {
      ...remote,
      snippets: {
        0: json({ mcpServers: { [name]: { command: 'npx', args: ['-y', 'mcp-remote', url] } } }),
        1: `npx mcp-remote ${url}`,
      },
    },
  ];
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

/** What clients may call this server: the deployment's name in the characters that all of them take. */
function serverName(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return slug.slice(0, 32) || 'gatehouse';
}
