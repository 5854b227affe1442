import { expect, it } from 'vitest';
import { Browser, callMcp, connect, gate, grantIdOf } from '../fixtures/worker';

/** A call of the API from a page of ours, in a browser. */
async function call(browser: Browser, path: string, method = 'GET', origin = gate.origin) {
  const page = await browser.visit(path, { method, headers: { accept: 'application/json', origin } });
  return { status: page.status, body: page.html === '' ? undefined : JSON.parse(page.html) };
}

it('lists the apps that its user allowed, with scopes, servers and times', async () => {
  const { browser, client, tokens } = await connect({ user: { name: 'Who lists' } });
  await callMcp(tokens.access_token);
  const { status, body } = await call(browser, '/api/grants');
  expect(status).toBe(200);
  const time = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/);
  expect(body.items).toContainEqual({
    id: grantIdOf(tokens.access_token),
    client_id: client.client_id,
    client_name: expect.any(String),
    scope: 'mcp:read mcp:write',
    servers: [],
    resource: `${gate.origin}/mcp`,
    created_at: time,
    last_used_at: time,
    expires_at: time,
  });
});

it('revokes an app: its very next request is refused, and other apps go on', async () => {
  const one = await connect({ user: { name: 'Bea' } });
  const other = await connect({ browser: one.browser });
  const id = grantIdOf(one.tokens.access_token);
  expect((await call(one.browser, `/api/grants/${id}`, 'DELETE')).status).toBe(204);
  expect((await callMcp(one.tokens.access_token)).status).toBe(401);
  expect((await callMcp(other.tokens.access_token)).status).toBe(200);
  expect((await call(one.browser, `/api/grants/${id}`, 'DELETE')).status).toBe(404);
});

it('signs another browser out, and leaves the apps alone', async () => {
  const here = await connect({ user: { name: 'Cleo' } });
  const there = await connect({ user: { name: 'Cleo' } });
  const { body } = await call(here.browser, '/api/sign-ins');
  expect(body.items).toHaveLength(2);
  expect(JSON.stringify(body)).not.toMatch(/secret/);
  const other = body.items.find(({ current }: { current: boolean }) => !current);
  expect((await call(here.browser, `/api/sign-ins/${other.id}`, 'DELETE')).status).toBe(204);
  expect((await call(there.browser, '/api/grants')).status).toBe(401);
  expect((await call(here.browser, '/api/grants')).status).toBe(200);
  expect((await callMcp(there.tokens.access_token)).status).toBe(200);
});

it('gives pages, and refuses a page size that is none', async () => {
  const { browser } = await connect({ user: { name: 'Dan' } });
  await connect({ browser });
  await connect({ browser });
  const first = await call(browser, '/api/grants?limit=2');
  expect(first.body.items).toHaveLength(2);
  const second = await call(browser, `/api/grants?limit=2&cursor=${first.body.cursor}`);
  expect(second.body.items).toHaveLength(1);
  expect(second.body.cursor).toBeUndefined();
  for (const limit of ['0', '-1', 'many']) {
    expect((await call(browser, `/api/grants?limit=${limit}`)).status).toBe(400);
  }
});

it("refuses who isn't signed in, a token for the tools, and a page of another site", async () => {
  const { browser, tokens } = await connect({ user: { name: 'Eve' } });
  const id = grantIdOf(tokens.access_token);
  expect((await call(new Browser(), '/api/grants')).status).toBe(401);
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  expect((await gate.fetch('/api/grants', { headers })).status).toBe(401);
  for (const origin of ['https://evil.example', 'null']) {
    expect((await call(browser, `/api/grants/${id}`, 'DELETE', origin)).status).toBe(403);
  }
  expect((await browser.visit(`/api/grants/${id}`, { method: 'DELETE' })).status).toBe(403);
  expect((await callMcp(tokens.access_token)).status).toBe(200);
});

it("never shows or ends another user's apps", async () => {
  const victim = await connect({ user: { name: 'Fay' } });
  const { browser } = await connect({ user: { name: 'Gil' } });
  const id = grantIdOf(victim.tokens.access_token);
  expect(JSON.stringify((await call(browser, '/api/grants')).body)).not.toContain(id);
  expect((await call(browser, `/api/grants/${id}`, 'DELETE')).status).toBe(404);
  expect((await callMcp(victim.tokens.access_token)).status).toBe(200);
});
