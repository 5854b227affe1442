import { describe, expect, it } from 'vitest';
import { ConnectPage } from '../../src/gateway/connect-page';
import { branding, forbidden, HEAVIEST, html, weight } from '../ui/pages';

const url = 'https://tools.acme.example/mcp';
const origin = 'https://tools.acme.example';
const connect = (name: string) => html(<ConnectPage branding={{ name }} url={url} origin={origin} />);

/** What a person sees in the snippets. */
function snippets(page: string): string[] {
  return [...page.matchAll(/<pre[^>]*><code>(.*?)<\/code><\/pre>/gs)].map((match) =>
    (match[1] ?? '').replaceAll('&quot;', '"').replaceAll('&amp;', '&'),
  );
}

describe('ConnectPage', () => {
  it('shows the address first, to be selected by one click', async () => {
    const page = await connect('Acme');
    expect(page).toContain('Connect your AI app to <bdi>Acme</bdi>’s tools');
    expect(snippets(page)[0]).toBe(url);
    expect(page).toMatch(/class="pickable url"/);
  });

  it('has a way in for every client, with commands and settings that can be pasted as they are', async () => {
    const page = await connect('Acme');
    for (const client of ['Claude', 'Claude Code', 'ChatGPT', 'Cursor', 'VS Code', 'MCP Inspector']) {
      expect(page).toContain(`<summary>${client}</summary>`);
    }
    const shownSnippets = snippets(page);
    expect(shownSnippets).toContain(`claude mcp add --transport http acme ${url}`);
    expect(shownSnippets).toContain(`npx mcp-remote ${url}`);
    const settings = shownSnippets.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text));
    expect(settings).toEqual([
      { mcpServers: { acme: { url } } },
      { servers: { acme: { type: 'http', url } } },
      { mcpServers: { acme: { command: 'npx', args: ['-y', 'mcp-remote', url] } } },
    ]);
  });

  it('links that add the server say the same as the settings to paste', async () => {
    const page = await connect('Acme');
    const cursor = new URL(/href="(cursor:[^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&') ?? '');
    expect(JSON.parse(atob(cursor.searchParams.get('config') ?? ''))).toEqual({ url });
    const vscode = /href="vscode:mcp\/install\?([^"]+)"/.exec(page)?.[1] ?? '';
    expect(JSON.parse(decodeURIComponent(vscode))).toEqual({ name: 'acme', type: 'http', url });
  });

  it('turns any deployment name into a server name that a shell and every client takes', async () => {
    for (const [name, slug] of [
      ['Acme & Söhne; rm -rf /', 'acme-s-hne-rm-rf'],
      ['شركة', 'gatehouse'],
    ] as const) {
      expect(snippets(await connect(name))).toContain(`claude mcp add --transport http ${slug} ${url}`);
    }
  });

  it('is light and loads nothing', async () => {
    const page = await html(<ConnectPage branding={branding} url={url} origin={origin} />);
    expect(forbidden(page)).toEqual([]);
    expect(weight(page)).toBeLessThan(HEAVIEST);
  });
});
