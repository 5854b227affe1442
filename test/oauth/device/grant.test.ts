import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import {
  Browser,
  callMcp,
  formWith,
  gate,
  gateWith,
  postForm,
  refresh,
  registerClient,
  revoke,
  textOf,
  tokensOf,
} from '../../fixtures/worker';
import { ACME, acmePerson, browserOf } from '../people';
import {
  answer,
  confirmCode,
  DEVICE_CODE,
  openSignedIn,
  poll,
  reached,
  registerDevice,
  startDevice,
  typeCode,
} from './devices';

beforeEach(stopClock);
afterEach(startClock);

describe('a device that begins', () => {
  it('gets a code of 8 letters that nobody mixes up, 15 minutes and an interval of 5 s', async () => {
    const device = await startDevice();
    expect(device).toMatchObject({
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: `${gate.origin}/device`,
      expires_in: 900,
      interval: 5,
    });
    const link = new URL(device.verification_uri_complete);
    expect(link.href.startsWith(`${gate.origin}/device?`)).toBe(true);
    expect(link.searchParams.get('user_code')).toBe(device.user_code);
    expect(link.href).not.toContain(device.device_code.split('.')[1]);
  });

  it.each([
    ['invalid_scope', { scope: 'everything' }],
    ['invalid_target', { resource: 'https://elsewhere.example/mcp' }],
  ])('gets %s at once, before a person has to act', async (error, form) => {
    const { client_id } = await registerDevice();
    const refused = await postForm('/oauth/device_authorization', { client_id, ...form });
    expect([refused.status, refused.body.error]).toEqual([400, error]);
  });

  it('is refused when its client never said that it runs on devices', async () => {
    const { client_id } = await registerClient();
    const refused = await postForm('/oauth/device_authorization', { client_id });
    expect([refused.status, refused.body.error]).toEqual([400, 'unauthorized_client']);
    const asked = await postForm('/oauth/token', { grant_type: DEVICE_CODE, client_id, device_code: 'x' });
    expect(asked.body.error).toBe('unauthorized_client');
  });

  it('is refused when nobody knows its client', async () => {
    expect((await postForm('/oauth/device_authorization', { client_id: 'nobody' })).status).toBe(401);
    expect((await postForm('/oauth/device_authorization', {})).status).toBe(401);
  });
});

describe('a device that asks', () => {
  it('waits, and is slowed down by 5 s for good each time that it hurries', async () => {
    const device = await startDevice();
    const ask = async () => (await poll(device)).body.error;
    expect(await ask()).toBe('authorization_pending');
    pass(5);
    expect(await ask()).toBe('authorization_pending');
    expect(await ask()).toBe('slow_down');
    pass(5);
    expect(await ask()).toBe('slow_down');
    pass(10);
    expect(await ask()).toBe('slow_down');
    pass(20);
    expect(await ask()).toBe('authorization_pending');
  });

  it('gets tokens with a refresh token once the person allowed it, and they are like all others', async () => {
    const device = await startDevice({ form: { scope: 'mcp:read' } });
    const { browser, page } = await confirmCode(device);
    const done = await answer({ browser, page }, { scope: 'mcp:read' });
    expect([done.status, textOf(done.html)]).toEqual([
      200,
      expect.stringContaining('Your device is connected'),
    ]);
    const tokens = tokensOf(await poll(device));
    expect(tokens.scope).toBe('mcp:read');
    const whoami = await callMcp(tokens.access_token);
    expect(whoami.body).toMatchObject({
      result: { structuredContent: { user: { name: 'Ada' }, client: 'Television', scope: 'mcp:read' } },
    });
    const listed = await browser.visit('/api/grants');
    expect(JSON.parse(listed.html)).toMatchObject({
      items: [{ client_name: 'Television', scope: 'mcp:read' }],
    });
    const next = tokensOf(await refresh(device, tokens.refresh_token));
    expect((await callMcp(next.access_token)).status).toBe(200);
    await revoke(device, next.refresh_token);
    expect((await callMcp(next.access_token)).status).toBe(401);
  });

  it('gets its tokens again when the answer was lost, and loses them when its code comes once more', async () => {
    const device = await startDevice();
    await answer(await confirmCode(device));
    const all = await Promise.all(Array.from({ length: 5 }, () => poll(device)));
    const tokens = all.map((one) => tokensOf(one).access_token);
    expect(new Set(tokens).size).toBe(1);
    expect((await callMcp(tokens[0] ?? '')).status).toBe(200);
    pass(11);
    expect((await poll(device)).body.error).toBe('invalid_grant');
    expect((await callMcp(tokens[0] ?? '')).status).toBe(401);
  });

  it('gets nothing for another resource than the person allowed, and loses nothing by asking', async () => {
    const device = await startDevice({ form: { resource: `${gate.origin}/` } });
    await answer(await confirmCode(device));
    const refused = await poll(device, { resource: 'https://elsewhere.example/mcp' });
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_target']);
    const { access_token } = tokensOf(await poll(device, { resource: `${gate.origin}/` }));
    expect((await callMcp(access_token)).status).toBe(200);
  });

  it('gets access_denied when the person declined, at every poll', async () => {
    const device = await startDevice();
    const done = await answer(await confirmCode(device), { decision: 'deny' });
    expect(textOf(done.html)).toContain('wasn’t connected');
    for (let i = 0; i < 2; i++) expect((await poll(device)).body.error).toBe('access_denied');
  });

  it('gets expired_token after 15 minutes, and its person a page that says so', async () => {
    const device = await startDevice();
    pass(600);
    const confirmed = await confirmCode(device);
    pass(299);
    expect((await poll(device)).body.error).toBe('authorization_pending');
    pass(1);
    expect((await poll(device)).body.error).toBe('expired_token');
    expect((await answer(confirmed)).status).toBe(410);
    const typed = await confirmCode(device, { browser: confirmed.browser });
    expect(typed.page.status).toBe(400);
  });

  it('gets nothing with the code of another client’s device, and takes nothing away', async () => {
    const device = await startDevice();
    const other = await registerDevice(gate, 'Another television');
    expect((await poll(device, { client_id: other.client_id })).body.error).toBe('invalid_grant');
    await answer(await confirmCode(device));
    expect((await poll(device, { client_id: other.client_id })).body.error).toBe('invalid_grant');
    expect((await poll(device)).status).toBe(200);
  });

  it.each(['', 'x', 'x.y', 'x.y.z'])('gets invalid_grant for a code that is made up: %j', async (made) => {
    const device = await startDevice();
    const { error } = (await poll(device, { device_code: made })).body;
    expect(error).toBe(made === '' ? 'invalid_request' : 'invalid_grant');
    const [id] = device.device_code.split('.');
    expect((await poll(device, { device_code: `${id}.guessed` })).body.error).toBe('invalid_grant');
  });
});

describe('the page of a device', () => {
  it('asks for a sign-in first, then for the code, in whatever case and with whatever between', async () => {
    const device = await startDevice();
    const browser = new Browser();
    const page = await openSignedIn(browser, '/device');
    const typed = ` ${device.user_code.toLowerCase().replace('-', '  ')} `;
    expect(formWith(await typeCode(browser, page, typed), 'decision').names).toContain('scope');
  });

  it('shows which app asks, from where, and the code to compare', async () => {
    const { client } = await startDevice();
    const body = new URLSearchParams({ client_id: client.client_id });
    const headers = { 'cf-connecting-ip': '203.0.113.7' };
    const begun = await reached.fetch('/oauth/device_authorization', { method: 'POST', body, headers });
    const device = { ...(await begun.json<Awaited<ReturnType<typeof startDevice>>>()), client, gate };
    const shown = textOf((await confirmCode(device)).page.html);
    expect(shown).toContain('Television wants to use');
    expect(shown).toContain(device.user_code);
    expect(shown).toContain('203.0.113.7');
    expect(shown).not.toContain('This isn’t the network');
    const browser = new Browser({
      ...gate,
      fetch: (path, init = {}) => {
        const merged = new Headers(init.headers);
        merged.set('cf-connecting-ip', '198.51.100.9');
        return reached.fetch(path, { ...init, headers: merged });
      },
    });
    const here = new Browser();
    await openSignedIn(here, '/device');
    for (const [name, value] of here.cookies) browser.cookies.set(name, value);
    expect(textOf((await confirmCode(device, { browser })).page.html)).toContain('This isn’t the network');
  });

  it('does nothing when a link with the code is opened: the code is shown, compared and sent by the person', async () => {
    const device = await startDevice();
    const browser = new Browser();
    const page = await openSignedIn(browser, device.verification_uri_complete);
    expect(textOf(page.html)).toContain(`shows ${device.user_code}`);
    expect(page.html).toContain(`value="${device.user_code}"`);
    expect(page.forms.some(({ names }) => names.includes('decision'))).toBe(false);
    expect((await poll(device)).body.error).toBe('authorization_pending');
    const confirmed = { browser, page: await typeCode(browser, page, device.user_code) };
    expect(textOf(confirmed.page.html)).toContain(device.user_code);
    await answer(confirmed);
    expect((await poll(device)).status).toBe(200);
  });

  it('says of a link that is over what became of it, and holds nothing against who opens it', async () => {
    const device = await startDevice();
    await answer(await confirmCode(device), { decision: 'deny' });
    const late = new Browser();
    for (let i = 0; i < 7; i++) {
      const page = await openSignedIn(late, device.verification_uri_complete, 'Late');
      expect((await typeCode(late, page, device.user_code)).status).toBe(409);
    }
    const next = await startDevice({ client: device.client });
    expect((await confirmCode(next, { browser: late })).page.status).toBe(200);
    pass(900);
    const page = await openSignedIn(late, device.verification_uri_complete, 'Late');
    expect((await typeCode(late, page, device.user_code)).status).toBe(410);
    const made = `/device?user_code=${device.user_code}&id=${'A'.repeat(39)}`;
    const unknown = textOf((await openSignedIn(late, made, 'Late')).html);
    expect(unknown).toContain('If someone sent you this link, close this page');
    expect(unknown).not.toContain('Continue on your phone');
  });

  it('takes no form of another site, nor one that was open while somebody else signed in', async () => {
    const device = await startDevice();
    const browser = new Browser();
    const form = formWith(await openSignedIn(browser, '/device'), 'user_code');
    const body = new URLSearchParams({ ...form.hidden, user_code: device.user_code });
    const headers = { origin: 'https://evil.example' };
    expect((await browser.visit(form.action, { method: 'POST', body, headers })).status).toBe(403);
    browser.cookies.delete('gatehouse-sign-in');
    await openSignedIn(browser, '/device', 'Grace');
    expect((await browser.submit(form, { user_code: device.user_code })).status).toBe(403);
  });

  it('belongs to the browser that opened it', async () => {
    const device = await startDevice();
    const { page } = await confirmCode(device);
    const other = new Browser();
    await openSignedIn(other, '/device', 'Eve');
    expect((await other.visit(formWith(page, 'decision').action)).status).toBe(403);
  });

  it('takes one answer: a second person with the same code gets an error, and leaves no grant', async () => {
    const device = await startDevice();
    const [ada, eve] = [await confirmCode(device), await confirmCode(device, { name: 'Eve' })];
    expect((await answer(ada)).status).toBe(200);
    expect((await answer(eve)).status).toBe(409);
    expect(JSON.parse((await eve.browser.visit('/api/grants')).html)).toEqual({ items: [] });
    const whoami = await callMcp(tokensOf(await poll(device)).access_token);
    expect(whoami.body).toMatchObject({ result: { structuredContent: { user: { name: 'Ada' } } } });
    expect((await confirmCode(device, { browser: ada.browser })).page.status).toBe(400);
  });

  it('takes one answer of two at the same moment, and the other leaves no grant behind', async () => {
    const device = await startDevice();
    const people = [
      await confirmCode(device, { name: 'Quick' }),
      await confirmCode(device, { name: 'Quicker' }),
    ];
    const statuses = await Promise.all(people.map(async (person) => (await answer(person)).status));
    expect(statuses.toSorted()).toEqual([200, 409]);
    const loser = people[statuses.indexOf(409)]?.browser ?? new Browser();
    expect(JSON.parse((await loser.visit('/api/grants')).html)).toEqual({ items: [] });
    expect((await poll(device)).status).toBe(200);
  });

  it('says when the person has no role here, before anything is allowed', async () => {
    const at = gateWith(ACME);
    const device = await startDevice({ gate: at });
    const browser = await browserOf(acmePerson(), at);
    const page = await openSignedIn(browser, device.verification_uri);
    const refused = await typeCode(browser, page, device.user_code);
    expect([refused.status, textOf(refused.html)]).toEqual([403, expect.stringContaining('have access yet')]);
    expect((await poll(device)).body.error).toBe('authorization_pending');
  });

  it('is limited to what was selected', async () => {
    const device = await startDevice();
    const confirmed = await confirmCode(device);
    const nothing = await answer(confirmed, { scope: [] });
    expect(nothing.status).toBe(400);
    expect(textOf(nothing.html)).toContain(device.user_code);
    await answer({ ...confirmed, page: nothing }, { scope: 'mcp:read' });
    expect(tokensOf(await poll(device)).scope).toBe('mcp:read');
  });
});
