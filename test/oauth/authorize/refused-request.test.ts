import { afterEach, describe, expect, test, vi } from 'vitest';
import { accountOf, authorize, linkOf, registerClient, textOf } from '../../fixtures/worker';
import { decide, openConsent } from '../pages';
import { ask, errorOf, followed, REDIRECT } from '../requests';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('nobody is led to an address that a stranger registered', () => {
  const WRONG = { response_type: 'none' };

  test('by a name that promises a sign-in: the link shows where it leads, and the name isn’t there', async () => {
    const redirect = 'https://phish.example/login';
    const client = await registerClient({ redirect_uris: [redirect], client_name: 'Acme sign-in' });
    const page = await ask(WRONG, client);
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain('Return to phish.example');
    expect(textOf(page.html)).toContain('If you didn’t start this yourself, close this page.');
    expect(textOf(page.html)).not.toContain('Acme sign-in');
    expect(linkOf(page)?.startsWith(`${redirect}?error=unsupported_response_type`)).toBe(true);
  });

  test.each([
    ['https://app.example:8443/x', 'Return to app.example:8443'],
    ['https://accounts.example.com.evil.example/', 'Return to accounts.example.com.evil.example'],
    ['http://127.0.0.1:4000/callback', 'Return to the app on this computer (127.0.0.1:4000)'],
    ['http://localhost/callback', 'Return to the app on this computer (localhost)'],
  ])('%s: %s', async (redirect, label) => {
    const page = await ask(WRONG, await registerClient({ redirect_uris: [redirect] }));
    expect([page.status, page.location]).toEqual([400, undefined]);
    expect(textOf(page.html)).toContain(label);
  });

  test('nor by a link that carries markup', async () => {
    const client = await registerClient({ redirect_uris: [REDIRECT] });
    const page = await ask({ ...WRONG, state: `"><script>alert(1)</script>'` }, client);
    expect(page.html).not.toContain('<script>');
    expect(new URL(followed(page).location ?? '').searchParams.get('state')).toBe(
      `"><script>alert(1)</script>'`,
    );
  });

  test('signed in or not: an app that was never allowed gets an error only through the person', async () => {
    const { browser } = await authorize({});
    const other = await registerClient({ redirect_uris: [REDIRECT], client_name: 'Another' });
    followed(await ask(WRONG, other, browser));
  });

  test('an app that this person has allowed gets an error at once, until they revoke it', async () => {
    const client = await registerClient({ redirect_uris: [REDIRECT], client_name: 'Allowed once' });
    const { browser, code } = await authorize({ client, user: { name: 'Allowing' } });
    expect(errorOf(await ask(WRONG, client, browser))).toBe('unsupported_response_type');
    // Another person, and a browser where nobody is signed in.
    followed(await ask(WRONG, client));
    const { browser: grace } = await authorize({ user: { name: 'Grace' } });
    followed(await ask(WRONG, client, grace));
    const [grant] = await accountOf(code).listGrants();
    await accountOf(code).revokeGrant(grant?.id ?? '');
    followed(await ask(WRONG, client, browser));
  });

  test('an app that this person denied is not one that they allowed', async () => {
    const client = await registerClient({ redirect_uris: [REDIRECT], client_name: 'Denied' });
    const waiting = await openConsent({ client });
    expect(errorOf(await decide(waiting, { decision: 'deny' }))).toBe('access_denied');
    followed(await ask(WRONG, client, waiting.browser));
  });

  test('prompt=none asks the person all the same, and is no way round the page', async () => {
    const page = await ask({ prompt: 'none' });
    expect(page.location).toMatch(/^\/authorize\?flow=[\w-]+$/);
  });

  test('a vendor’s own address is one that the vendor vouches for', async () => {
    const claude = {
      client_id: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
      redirect_uri: 'https://claude.ai/api/mcp/auth_callback',
    };
    const page = await ask(WRONG, claude);
    expect(page.location).toContain(`${claude.redirect_uri}?error=unsupported_response_type`);
  });

  test('a client metadata document is one that anybody can publish', async () => {
    const client_id = 'https://phish.example/client.json';
    const redirect_uri = 'https://phish.example/login';
    const fields = { client_id, client_name: 'Acme sign-in', redirect_uris: [redirect_uri] };
    const document = { ...fields, token_endpoint_auth_method: 'none' };
    vi.spyOn(globalThis, 'fetch').mockImplementation(async () => Response.json(document));
    const page = await ask(WRONG, { client_id, redirect_uri });
    expect(textOf(page.html)).toContain('Return to phish.example');
    followed(page);
  });
});
