import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { AuditItem } from '../../src/audit/trail';
import { store } from '../../src/audit/writer';
import { adminGate, asAdmin, asAuditor } from '../fixtures/admins';
import { browserAs, callApi, keyGate, makeKey, signInBy } from '../fixtures/keys';
import { entriesOf } from '../fixtures/trail';
import { Browser, callMcp, connect } from '../fixtures/worker';

const at = adminGate();
const PATH = '/api/admin/audit';
const someone = () => crypto.randomUUID().replaceAll('-', '');

async function items(browser: Browser, query: string, path = PATH): Promise<AuditItem[]> {
  const { status, body } = await callApi(browser, `${path}?${query}`);
  expect(status).toBe(200);
  return body.items as AuditItem[];
}

async function exported(browser: Browser, query: string, accept: string): Promise<string> {
  const page = await browser.visit(`${PATH}?${query}`, { headers: { accept } });
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toContain(accept);
  return page.html;
}

describe('the trail', () => {
  it('is read by admins and auditors, by each filter, in pages', async () => {
    const user = someone();
    const entry = { event: 'tool_call', request_id: 'r', user, user_name: 'Someone', time: Date.now() };
    await store(env, [
      { ...entry, outcome: 'ok', tool: 'look', server: 'notes' },
      { ...entry, outcome: 'refused', reason: 'absent', tool: 'erase', client: 'https://app.example' },
      { ...entry, outcome: 'ok', tool: 'look', server: 'wiki' },
    ]);
    for (const browser of [await asAdmin(at), await asAuditor(at)]) {
      expect(await items(browser, `user=${user}`)).toHaveLength(3);
      expect(await items(browser, `user=${user}&tool=look&server=wiki`)).toHaveLength(1);
      expect(await items(browser, `user=${user}&outcome=refused&reason=absent`)).toMatchObject([
        { tool: 'erase', client: { id: 'https://app.example' }, user: { id: user, name: 'Someone' } },
      ]);
      const first = await callApi(browser, `${PATH}?user=${user}&limit=2`);
      expect(first.body.items).toHaveLength(2);
      const rest = await items(browser, `user=${user}&limit=2&cursor=${first.body.cursor}`);
      expect(rest).toMatchObject([{ tool: 'look', server: 'notes' }]);
    }
  });

  it('is exported whole, as lines of JSON and as a table that no spreadsheet runs', async () => {
    const user = someone();
    const entry = { event: 'tool_call', outcome: 'ok', request_id: 'r', user } as const;
    const names = Array.from({ length: 1_200 }, (_, n) => ({ ...entry, time: Date.now(), tool: `t${n}` }));
    await store(env, [...names, { ...entry, time: Date.now(), user_name: '=1+1', detail: 'a "b", c' }]);
    const admin = await asAdmin(at);
    const lines = (await exported(admin, `user=${user}`, 'application/x-ndjson')).trimEnd().split('\n');
    expect(lines).toHaveLength(1_201);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ tool: 't0', user: { id: user } });
    const rows = (await exported(admin, `user=${user}`, 'text/csv')).trimEnd().split('\r\n');
    expect(rows).toHaveLength(1_202);
    expect(rows[0]).toMatch(/^time,event,outcome,reason,/);
    expect(rows[1]).toContain(`,"a ""b"", c",${user},'=1+1,`);
    const link = await admin.visit(`${PATH}?user=${user}&format=csv&tool=t7`);
    expect(link.headers.get('content-disposition')).toContain('trail.csv');
    expect(link.html.trimEnd().split('\r\n')).toHaveLength(2);
    expect(await entriesOf({ event: 'audit_exported' })).toMatchObject([{ user: { name: 'Root' } }, {}, {}]);
  });

  it('refuses filters, cursors and limits that make no sense', async () => {
    const admin = await asAdmin(at);
    for (const query of ['from=yesterday', 'outcome=maybe', 'cursor=x', 'limit=0']) {
      expect((await callApi(admin, `${PATH}?${query}`)).status).toBe(400);
    }
  });

  it('is nobody else’s to read: others, keys, admins of one server, nobody at all', async () => {
    const admin = await asAdmin(at);
    const { key } = await makeKey(admin);
    const byKey = new Browser(at);
    await signInBy(byKey, { method: 'key', access_key: key });
    const oneServer = keyGate({
      SERVERS: [
        { name: 'notes', binding: 'MUTE', auth: 'none', roles: [{ role: 'admin', methods: ['local'] }] },
      ],
    });
    const owner = await browserAs('Olga', at);
    for (const browser of [owner, byKey, await browserAs('Root of one', oneServer)]) {
      for (const accept of ['application/json', 'text/csv']) {
        expect((await callApi(browser, PATH, 'GET', undefined, { accept })).status).toBe(403);
      }
    }
    expect((await callApi(new Browser(at), PATH)).status).toBe(401);
    const refused = await entriesOf({ event: 'admin', outcome: 'refused', user: 'Olga' });
    expect(refused[0]).toMatchObject({ reason: 'not_admin', detail: `GET ${PATH}` });
  });

  it('is read by an auditor, who changes nothing, with a viewer’s tools', async () => {
    const auditor = await asAuditor(at);
    expect((await callApi(auditor, '/api/admin/keys')).status).toBe(200);
    expect((await callApi(auditor, '/api/admin/keys', 'POST', { name: 'x' })).status).toBe(403);
    expect((await callApi(auditor, '/api/admin/keys/x:y', 'DELETE')).status).toBe(403);
    const { tokens } = await connect({
      browser: auditor,
      scope: ['mcp:destructive', 'mcp:write', 'mcp:read'],
    });
    const who = await callMcp(tokens.access_token, { gate: at });
    expect(who.body).toMatchObject({
      result: { structuredContent: { role: 'auditor', scope: 'mcp:read' } },
    });
  });

  it('is read by a member who is an auditor too, and keeps a member’s tools', async () => {
    const both = adminGate({
      ROLES: [
        { role: 'member', methods: ['local'] },
        { role: 'auditor', provider: 'local', groups: ['auditors'] },
      ],
    });
    const browser = await asAuditor(both, 'Both');
    expect((await callApi(browser, PATH)).status).toBe(200);
    const { tokens } = await connect({ browser });
    expect((await callMcp(tokens.access_token, { gate: both })).body).toMatchObject({
      result: { structuredContent: { role: 'member' } },
    });
  });
});

describe('one’s own activity', () => {
  it('is one’s own, whatever the filter asks for', async () => {
    const one = await connect({ gate: at, user: { name: 'Own Ada' } });
    const other = await connect({ gate: at, user: { name: 'Own Bert' } });
    for (const { tokens } of [one, other]) await callMcp(tokens.access_token, { gate: at });
    const [ada = '', bert = ''] = [one, other].map(({ tokens }) => tokens.access_token.split(':')[0]);
    for (const user of [ada, bert]) await entriesOf({ user, event: 'tool_call' });
    const seen = await items(one.browser, `user=${bert}`, '/api/activity');
    expect(seen.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['tool_call', 'consent', 'sign_in']),
    );
    expect(new Set(seen.map(({ user }) => user?.id))).toEqual(new Set([ada]));
    expect(await items(one.browser, 'event=tool_call', '/api/activity')).toHaveLength(1);
  });

  it('of somebody signed in by a key is what was done by that key', async () => {
    const person = await browserAs('Key Ada', at);
    const { id, key } = await makeKey(person);
    const byKey = new Browser(at);
    await signInBy(byKey, { method: 'key', access_key: key });
    await entriesOf({ grant: id, event: 'sign_in' });
    const seen = await items(byKey, '', '/api/activity');
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen.map(({ grant }) => grant))).toEqual(new Set([id]));
    expect((await callApi(new Browser(at), '/api/activity')).status).toBe(401);
  });
});
