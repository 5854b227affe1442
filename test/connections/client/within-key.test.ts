import { expect, test } from 'vitest';
import { callApi, makeKey, signInBy } from '../../fixtures/keys';
import { gateBefore, realServer, scripted } from '../../fixtures/mcp-server';
import { Browser, type Page } from '../../fixtures/worker';

/* A browser signed in by an access key: connections at servers that the key doesn't name are not its to touch. */

const PATH = '/account/connections';

function press(browser: Browser, page: Page, fields: Record<string, string>): Promise<Page> {
  const form = page.forms.find(({ names }) => names.includes('connect') || names.includes('disconnect'));
  if (!form) throw new Error('no form');
  return browser.submit(form, fields);
}

test('a sign-in by key sees, makes and ends connections of the key’s own servers alone', async () => {
  const real = realServer();
  const behind = scripted(({ url, method, headers, text }) =>
    real.fetch(new Request(url, { method, headers, ...(text === '' ? {} : { body: text }) })),
  );
  const placed = (title: string) => ({ behind, setting: { auth: 'api_key', title } });
  const at = gateBefore(
    { mine: placed('Mine'), other: placed('Other') },
    { SIGN_IN: { methods: ['local', 'key'] } },
  );
  const owner = new Browser(at);
  await signInBy(owner, { method: 'local', name: 'Owner of a key' });
  for (const connect of ['mine', 'other'])
    await press(owner, await owner.visit(PATH), { connect, key: 'sk-1' });
  const { key } = await makeKey(owner, { servers: ['mine'], scope: 'mcp:read', expires_in: 3600 });
  const byKey = new Browser(at);
  await signInBy(byKey, { method: 'key', access_key: key });

  const page = await byKey.visit(PATH);
  expect(page.html).toContain('Mine');
  expect(page.html).not.toMatch(/Other|"other"/);
  expect((await press(byKey, page, { disconnect: 'other' })).status).toBe(404);
  expect((await press(byKey, page, { connect: 'other', key: 'sk-2' })).status).toBe(404);
  expect((await callApi(byKey, '/api/connections/other', 'DELETE')).status).toBe(404);
  const { body } = await callApi(byKey, '/api/connections');
  expect(body.items).toMatchObject([{ server: 'mine', status: 'connected' }]);
  const opened = await byKey.visit('/connect/other');
  expect((await byKey.visit(opened.location ?? '/connect/other')).status).toBe(404);
  expect((await callApi(owner, '/api/connections')).body.items).toMatchObject([
    { server: 'mine', status: 'connected' },
    { server: 'other', status: 'connected' },
  ]);
});
