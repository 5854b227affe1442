import type { OAuthHelpers } from '@cloudflare/workers-oauth-provider';
import { Hono } from 'hono';
import { csrf } from 'hono/csrf';
import { LONGEST_NAME, readAccount } from './account';
import { authorize } from './authorize';
import { renderPage } from './page';

export interface PageEnv {
  /** Put there by the library. */
  OAUTH_PROVIDER: OAuthHelpers;
}

/** What a person sees of the orchard; the library serves everything else. */
export const pages = new Hono<{ Bindings: PageEnv }>();

// Forms of other sites are refused: there is no sign-in here that could tell who sends one.
pages.use(csrf());

pages.get('/', (c) => {
  const { origin } = new URL(c.req.url);
  return renderPage(
    'Everybody has one',
    <>
      <h1>Everybody has an orchard here</h1>
      <p>
        This is an MCP server with accounts of its own. An app that is given <code>{`${origin}/mcp`}</code>{' '}
        asks you first; then it works in your orchard, and in nobody else’s.
      </p>
      <p>
        <a href="/apps">Disconnect apps</a>
      </p>
    </>,
  );
});

pages.get('/authorize', (c) => authorize(c.req.url, c.env.OAUTH_PROVIDER));
pages.post('/authorize', async (c) => authorize(c.req.url, c.env.OAUTH_PROVIDER, await c.req.parseBody()));

pages.get('/apps', () => askWhose(200));
pages.post('/apps', async (c) => {
  const account = readAccount(String((await c.req.parseBody()).account ?? ''));
  if (!account) return askWhose(400);
  const count = await disconnectAll(c.env.OAUTH_PROVIDER, account.id);
  const title = count === 1 ? 'One app is disconnected' : `${count} apps are disconnected`;
  return renderPage(
    title,
    <>
      <h1>{title}</h1>
      <p>
        The orchard of <bdi>{account.name}</bdi> is closed to apps, from this moment on.
      </p>
    </>,
  );
});

/** Ends all that an account allowed, tokens included; returns how many there were. */
async function disconnectAll(oauth: OAuthHelpers, userId: string): Promise<number> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await oauth.listUserGrants(userId, cursor === undefined ? {} : { cursor });
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  for (const id of ids) await oauth.revokeGrant(id, userId);
  return ids.length;
}

function askWhose(status: 200 | 400): Promise<Response> {
  return renderPage(
    'Disconnect apps',
    <>
      <h1>Disconnect all apps</h1>
      <p>Apps that you let in are put out at once, and have to ask again.</p>
      {status === 400 && <p class="wrong">Say whose orchard: a name of 1 to {LONGEST_NAME} characters.</p>}
      <form method="post" action="/apps">
        <label for="account">Whose orchard?</label>
        <input id="account" name="account" maxlength={LONGEST_NAME} autocomplete="username" required />
        <p class="choice">
          <button type="submit" name="decision" value="disconnect">
            Disconnect all apps
          </button>
        </p>
      </form>
    </>,
    status,
  );
}
