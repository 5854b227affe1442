import type { OAuthHelpers } from '@cloudflare/workers-oauth-provider';
import { Hono } from 'hono';
import { csrf } from 'hono/csrf';
import { LONGEST_NAME, readAccount } from './account';
import { authorize } from './authorize';
import { renderPage } from './page';

export interface PageEnv {
  /** Set by the library. */
  OAUTH_PROVIDER: OAuthHelpers;
}

/** The pages of the orchard. The library serves everything else. */
export const pages = new Hono<{ Bindings: PageEnv }>();

// Forms from other sites are refused, since there is no sign-in that shows who sends a form.
pages.use(csrf());

pages.get('/', (c) => {
  const { origin } = new URL(c.req.url);
  return renderPage(
    'Welcome',
    <>
      <h1>Everyone has an orchard here</h1>
      <p>
        This is an MCP server with its own accounts. Give an app the address <code>{`${origin}/mcp`}</code>,
        and it asks for your permission. Then it works in your orchard only.
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
  const title = count === 1 ? '1 app was disconnected' : `${count} apps were disconnected`;
  return renderPage(
    title,
    <>
      <h1>{title}</h1>
      <p>
        No app can use the orchard of <bdi>{account.name}</bdi> anymore.
      </p>
    </>,
  );
});

/** Revokes all grants of an account, with their tokens; returns how many there were. */
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
      <p>Apps that you allowed lose access immediately, and must ask you again.</p>
      {status === 400 && <p class="wrong">Enter a name of 1 to {LONGEST_NAME} characters.</p>}
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
