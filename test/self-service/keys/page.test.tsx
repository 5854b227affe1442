import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyMadePage, KeysPage } from '../../../src/self-service/keys/page';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { browserAs, callApi, callWith, formOf, keyGate, signInBy, whoIn } from '../../fixtures/keys';
import { Browser, formWith, locationOf, textOf } from '../../fixtures/worker';
import { branding, forbidden, HEAVIEST, HOSTILE, html, weight } from '../../ui/pages';

beforeEach(stopClock);
afterEach(startClock);

const at = keyGate();
const PATH = '/account/keys';
let people = 0;
const somebody = () => browserAs(`Page person ${people++}`, at);
const keyIn = (page: { html: string }) => /gth_[0-9A-Za-z]{92}/.exec(page.html)?.[0] ?? '';

describe('/account/keys', () => {
  it('makes a key by its form, shows it once, and revokes it by another', async () => {
    const browser = await somebody();
    const page = await browser.visit(PATH);
    expect(textOf(page.html)).toContain('You have no keys yet.');
    const fields = { name: 'Nightly <b>report</b>', scope: ['mcp:read'], server: ['notes'] };
    const made = await browser.submit(formWith(page, 'name'), { ...fields, expires: '' });
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    const headers = { 'x-api-key': keyIn(made) };
    expect(whoIn(await callWith(headers, at))).toMatchObject({ servers: ['notes'], scope: 'mcp:read' });
    const list = await browser.visit(PATH);
    expect(keyIn(list)).toBe('');
    expect(list.html).toContain('Nightly &lt;b&gt;report');
    expect(textOf(list.html)).toMatch(/last used on/);
    const { body } = await callApi(browser, '/api/keys');
    const [{ id } = { id: '' }] = body.items as { id: string }[];
    expect(list.html).toContain(`value="${id}"`);
    expect((await browser.submit(formWith(list, 'key'), { key: id })).location).toBe(PATH);
    expect((await callWith(headers, at)).status).toBe(401);
    expect(textOf((await browser.visit(PATH)).html)).toContain('You have no keys yet.');
  });

  it('asks who is there first, and comes back', async () => {
    const browser = new Browser(at);
    const signIn = await browser.visit(locationOf(await browser.visit(PATH)));
    const done = await browser.submit(formOf(signIn, 'local'), { name: 'Late' });
    expect(done.location).toBe(PATH);
    expect((await browser.visit(PATH)).status).toBe(200);
  });

  it.each([
    ['no name', { name: ' ' }, 'Give the key a name'],
    ['nothing ticked', { scope: [] }, 'Select at least one thing'],
    ['a server that is not the person’s', { server: ['vault'] }, 'You can’t use one of the servers'],
    ['a day that is past', { expires: '2020-01-01' }, 'Choose a date from today'],
    ['a scope that there is none of', { scope: ['mcp:everything'] }, 'do more than you can'],
  ])('shows the form again, with what was typed, for %s', async (_what, changes, words) => {
    const browser = await somebody();
    const fields = { name: 'Typed', scope: ['mcp:write'], server: ['notes'], expires: '', ...changes };
    const page = await browser.submit(formWith(await browser.visit(PATH), 'name'), fields);
    expect(page.status).toBe(400);
    expect(textOf(page.html)).toContain(words);
    expect(keyIn(page)).toBe('');
    expect((await callApi(browser, '/api/keys')).body.items).toEqual([]);
  });

  it('says that it was too fast', async () => {
    const browser = await somebody();
    const fields = { name: 'x', scope: ['mcp:read'], expires: '' };
    const make = async () => browser.submit(formWith(await browser.visit(PATH), 'name'), fields);
    for (let i = 0; i < 5; i++) expect((await make()).status).toBe(201);
    expect(textOf((await make()).html)).toContain('Wait half a minute');
    pass(30);
    expect((await make()).status).toBe(201);
  });

  it('makes one key of one form, however often and fast it is sent, and none after the key is revoked', async () => {
    const browser = await somebody();
    const form = formWith(await browser.visit(PATH), 'name');
    const make = () => browser.submit(form, { name: 'once', scope: ['mcp:read'], expires: '' });
    const sent = await Promise.all([make(), make(), make(), make()]);
    expect(sent.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    expect((await callApi(browser, '/api/keys')).body.items).toHaveLength(1);
    await browser.submit(formWith(await browser.visit(PATH), 'key'), { key: form.hidden.id ?? '' });
    expect(textOf((await make()).html)).toContain('already created');
    expect((await callApi(browser, '/api/keys')).body.items).toEqual([]);
  });

  it('is a form that no other site, browser or person can post', async () => {
    const browser = await somebody();
    const { hidden } = formWith(await browser.visit(PATH), 'name');
    const post = (from: Browser, fields: Record<string, string>, origin: string = at.origin) => {
      const body = new URLSearchParams({ name: 'x', scope: 'mcp:read', ...fields });
      return from.visit(PATH, { method: 'POST', body, headers: { origin } });
    };
    expect((await post(browser, hidden, 'https://evil.example')).status).toBe(403);
    expect((await post(browser, {})).status).toBe(403);
    expect((await post(await somebody(), hidden)).status).toBe(403);
    expect((await post(new Browser(at), hidden)).status).toBe(403);
    expect((await callApi(browser, '/api/keys')).body.items).toEqual([]);
  });

  it('is not for visitors', async () => {
    const browser = new Browser(at);
    await signInBy(browser, { method: 'skip', label: 'Eve' });
    expect((await browser.visit(PATH)).status).toBe(403);
  });
});

describe('the pages of keys', () => {
  const NOW = 1_800_000_000;
  const key = {
    id: 'abcdefghijk',
    name: HOSTILE,
    scope: ['mcp:read' as const],
    servers: [HOSTILE],
    tools: undefined,
    created_at: NOW - 100,
    expires_at: NOW - 1,
    last_used_at: undefined,
  };
  const keys = Array.from({ length: 100 }, (_, i) => ({ ...key, id: `key${i}` }));

  it('run nothing that somebody typed, and stay light with a hundred keys', async () => {
    const servers = Array.from({ length: 20 }, (_, i) => ({ name: `s${i}`, title: HOSTILE }));
    const page = await html(
      <KeysPage
        branding={branding}
        hidden={{ csrf: 'x' }}
        id="proposed-id"
        keys={keys}
        from={12}
        now={NOW}
        scopes={['mcp:read', 'mcp:write', 'mcp:destructive']}
        servers={servers}
        expires={{ min: '2027-01-01', max: '2028-01-01', value: '2027-04-01' }}
        notice={HOSTILE}
        values={{ name: HOSTILE, scope: [], server: [] }}
      />,
    );
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<img');
    expect(page).toContain('expired on');
    expect(page).toContain('76 older keys');
    expect(weight(page)).toBeLessThan(HEAVIEST);
    const made = (name: string) =>
      html(<KeyMadePage branding={branding} name={name} keyText="gth_x" url="https://gate.example/mcp" />);
    expect(await made(HOSTILE)).not.toContain('<script');
    expect(forbidden(await made('Nightly'))).toEqual([]);
  });
});
