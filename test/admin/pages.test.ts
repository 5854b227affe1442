import { runDurableObjectAlarm } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import { adminGate, asAdmin, asAuditor } from '../fixtures/admins';
import { accountOfUser, browserAs } from '../fixtures/keys';
import { entriesOf } from '../fixtures/trail';
import { Browser, callMcp, connect, formWith } from '../fixtures/worker';
import { forbidden, HEAVIEST, weight } from '../ui/pages';

/** A name that would run as markup if it were written out as it is. */
const HOSTILE = '"><script>alert(1)</script>';

const at = adminGate();
const PAGES = ['', '/users', '/clients', '/servers', '/keys', '/audit', '/settings'].map(
  (path) => `/admin${path}`,
);

/** Somebody with an app, whom the list of people knows. */
async function person(name: string) {
  const app = await connect({ gate: at, user: { name, groups: 'crowd' } });
  const id = app.tokens.access_token.split(':')[0] ?? '';
  await runDurableObjectAlarm(accountOfUser(id));
  return { ...app, id };
}

describe('the pages of /admin', () => {
  it('are light, run nothing, and show names from outside as text', async () => {
    for (let n = 0; n < 3; n++) await person(`${HOSTILE} ${n}`);
    const { id } = await person(`${HOSTILE} last`);
    await entriesOf({ user: id, event: 'token_issued' });
    for (const browser of [await asAdmin(at), await asAuditor(at)]) {
      for (const path of [
        ...PAGES,
        `/admin/users/${id}`,
        `/admin/audit?user=${id}`,
        '/admin/users?q=crowd',
      ]) {
        const page = await browser.visit(path);
        expect([path, page.status]).toEqual([path, 200]);
        expect(forbidden(page.html)).toEqual([]);
        expect(page.html).not.toContain(HOSTILE);
        expect(weight(page.html)).toBeLessThan(HEAVIEST);
      }
    }
  });

  it('find somebody, and sign them out everywhere after asking', async () => {
    const them = await person('Paged Pia');
    const admin = await asAdmin(at);
    await vi.waitFor(async () => {
      expect((await admin.visit('/admin/users?q=paged')).html).toContain(`/admin/users/${them.id}`);
    });
    const shown = await admin.visit(`/admin/users/${them.id}`);
    expect(shown.html).toContain('Test client');
    const asked = await admin.visit(`/admin/do?action=sign-out&id=${them.id}`);
    expect(asked.html).toContain('Sign this person out everywhere?');
    expect((await callMcp(them.tokens.access_token, { gate: at })).status).toBe(200);
    const done = await admin.submit(formWith(asked, 'csrf'));
    expect(done).toMatchObject({
      status: 303,
      location: expect.stringMatching(`/admin/users/${them.id}\\?done`),
    });
    expect((await callMcp(them.tokens.access_token, { gate: at })).status).toBe(401);
    expect((await admin.visit(`/admin/users/${them.id}?done`)).html).toContain('role="status"');
    const [entry] = await entriesOf({ event: 'user_signed_out', user: 'Root' });
    expect(entry).toMatchObject({ detail: them.id });
  });

  it('end one app, one browser, and erase a person', async () => {
    const them = await person('Ended Ed');
    const admin = await asAdmin(at);
    const grant = them.tokens.access_token.split(':')[1];
    await admin.submit(
      formWith(await admin.visit(`/admin/do?action=end-grant&id=${them.id}:${grant}`), 'csrf'),
    );
    expect((await callMcp(them.tokens.access_token, { gate: at })).status).toBe(401);
    const [signIn] = await accountOfUser(them.id).listSignIns();
    const ask = await admin.visit(`/admin/do?action=end-browser&id=${them.id}:${signIn?.id}`);
    await admin.submit(formWith(ask, 'csrf'));
    expect((await them.browser.visit('/account')).status).toBe(303);
    const erase = await admin.visit(`/admin/do?action=erase&id=${them.id}`);
    expect((await admin.submit(formWith(erase, 'csrf'))).location).toMatch(/\/admin\/users\?done/);
    expect((await admin.visit(`/admin/users/${them.id}`)).status).toBe(404);
    expect((await admin.submit(formWith(erase, 'csrf'))).status).toBe(404);
  });

  it('are nobody else’s: others get 403, nobody is led to sign in, and forms are our own', async () => {
    const them = await person('Safe Sam');
    const [admin, auditor, other] = [await asAdmin(at), await asAuditor(at), await browserAs('Else', at)];
    const form = formWith(await admin.visit(`/admin/do?action=disable&id=${them.id}`), 'csrf');
    for (const path of [...PAGES, `/admin/users/${them.id}`, `/admin/do?action=erase&id=${them.id}`]) {
      const page = await other.visit(path);
      expect(page.status).toBe(403);
      expect(page.html).not.toContain('Safe Sam');
      expect((await new Browser(at).visit(path)).location).toContain('/sign-in?flow=');
    }
    for (const browser of [other, auditor]) expect((await browser.submit(form)).status).toBe(403);
    const body = new URLSearchParams(form.hidden);
    const headers = { origin: 'https://evil.example' };
    expect((await admin.visit('/admin/do', { method: 'POST', body, headers })).status).toBe(403);
    body.set('csrf', 'x');
    const forged = { method: 'POST', body, headers: { origin: at.origin } };
    expect((await admin.visit('/admin/do', forged)).status).toBe(403);
    expect((await callMcp(them.tokens.access_token, { gate: at })).status).toBe(200);
    expect((await auditor.visit(`/admin/users/${them.id}`)).html).not.toContain('/admin/do');
    for (const query of ['', '?action=toString&id=x', '?action=erase']) {
      expect((await admin.visit(`/admin/do${query}`)).status).toBe(404);
    }
  });

  it('filter the trail, and say what is wrong with a filter', async () => {
    const { id } = await person('Trail Tia');
    await entriesOf({ user: id, event: 'consent' });
    const admin = await asAdmin(at);
    const page = await admin.visit(`/admin/audit?user=${id}&event=consent`);
    expect(page.html).toContain('Trail Tia');
    expect(page.html).not.toContain('token issued');
    expect(page.html).toContain('format=csv');
    expect((await admin.visit('/admin/audit?from=yesterday')).status).toBe(400);
  });
});

describe('the pages of /account', () => {
  it('show apps, browsers and activity, and end them after asking', async () => {
    const { browser, tokens } = await person('Own Olive');
    await entriesOf({ user: tokens.access_token.split(':')[0] ?? '', event: 'consent' });
    const home = await browser.visit('/account');
    for (const path of ['/account/apps', '/account/browsers', '/account/activity']) {
      expect(home.html).toContain(path);
      const page = await browser.visit(path);
      expect(page.status).toBe(200);
      expect(forbidden(page.html)).toEqual([]);
      expect(weight(page.html)).toBeLessThan(HEAVIEST);
    }
    expect((await browser.visit('/account/activity')).html).toContain('consent');
    const apps = await browser.visit('/account/apps');
    expect(apps.html).toContain('Test client');
    const id = tokens.access_token.split(':')[1];
    const asked = await browser.visit(`/account/apps/revoke?id=${id}`);
    expect(asked.html).toContain('Revoke Test client?');
    expect((await browser.submit(formWith(asked, 'csrf'))).status).toBe(303);
    expect((await callMcp(tokens.access_token, { gate: at })).status).toBe(401);
    expect((await browser.visit('/account/apps?done')).html).toContain('haven’t allowed any app');
    const [signIn] = await accountOfUser(tokens.access_token.split(':')[0] ?? '').listSignIns();
    const end = await browser.visit(`/account/browsers/end?id=${signIn?.id}`);
    expect((await browser.submit(formWith(end, 'csrf'))).status).toBe(303);
    expect((await browser.visit('/account/apps')).location).toContain('/sign-in');
  });

  it('end nothing of somebody else', async () => {
    const mine = await person('Own Mia');
    const theirs = await person('Own Theo');
    const grant = theirs.tokens.access_token.split(':')[1] ?? '';
    const [signIn] = await accountOfUser(theirs.id).listSignIns();
    const own = mine.tokens.access_token.split(':')[1];
    const form = formWith(await mine.browser.visit(`/account/apps/revoke?id=${own}`), 'csrf');
    for (const [path, id] of [
      ['/account/apps/revoke', grant],
      ['/account/browsers/end', signIn?.id ?? ''],
    ] as const) {
      expect((await mine.browser.visit(`${path}?id=${id}`)).status).toBe(404);
      const posted = await mine.browser.submit({ ...form, action: path }, { id });
      expect(posted.status).toBe(404);
    }
    expect((await callMcp(theirs.tokens.access_token, { gate: at })).status).toBe(200);
  });
});
