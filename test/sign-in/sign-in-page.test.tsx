import { describe, expect, it } from 'vitest';
import { SignInPage } from '../../src/sign-in/sign-in-page';
import { branding, fields, forbidden, HEAVIEST, HOSTILE, html, weight } from '../ui/pages';

const base = { branding, action: '/sign-in', hidden: { flow: 'f1' } };
const providers = [
  { name: 'okta', title: 'Okta' },
  { name: 'work', title: HOSTILE },
];

describe('SignInPage', () => {
  it('gives each method a form of its own that a script can walk', async () => {
    const page = await html(<SignInPage {...base} methods={{ local: true, oidc: providers }} />);
    const forms = page.match(/<form.*?<\/form>/gs) ?? [];
    expect(forms).toHaveLength(3);
    for (const form of forms) {
      expect(form).toContain('<form method="post" action="/sign-in">');
      expect(form).toContain('<input type="hidden" name="flow" value="f1"/>');
    }
    expect(forms[0]).toContain('name="method" value="oidc"');
    expect(forms[0]).toContain('name="provider" value="okta"');
    expect(forms[2]).toContain('name="method" value="local"');
    expect(fields(forms[2] ?? '', 'name')[0]).toMatch(/required/);
    expect(fields(forms[2] ?? '', 'email')[0]).not.toMatch(/required/);
    expect(fields(forms[2] ?? '', 'groups')[0]).not.toMatch(/required/);
  });

  it('gives keys and visitors a form of their own, and no key back to the page', async () => {
    const methods = { local: false, key: true, skip: true, oidc: [] };
    const page = await html(<SignInPage {...base} methods={methods} notice="No." values={{ name: 'x' }} />);
    const forms = page.match(/<form.*?<\/form>/gs) ?? [];
    expect(forms).toHaveLength(2);
    expect(forms[0]).toContain('name="method" value="key"');
    expect(fields(forms[0] ?? '', 'access_key')[0]).toMatch(/type="password".*autocomplete="off"/);
    expect(forms[1]).toContain('name="method" value="skip"');
    expect(fields(forms[1] ?? '', 'label')[0]).not.toMatch(/required/);
    expect(forbidden(page)).toEqual([]);
  });

  it('offers no method that the settings do not', async () => {
    const sso = await html(<SignInPage {...base} methods={{ local: false, oidc: providers }} />);
    expect(sso).not.toContain('value="local"');
    const local = await html(<SignInPage {...base} methods={{ local: true, oidc: [] }} />);
    expect(local).not.toContain('value="oidc"');
    expect(local).toContain('For local development only.');
    const none = await html(<SignInPage {...base} methods={{ local: false, oidc: [] }} />);
    expect(none).not.toContain('<form');
    expect(none).toContain('No sign-in method is set up yet');
  });

  it('runs nothing that a client, a provider or a person typed', async () => {
    const page = await html(
      <SignInPage
        {...base}
        clientName={HOSTILE}
        notice={HOSTILE}
        values={{ name: HOSTILE, email: HOSTILE }}
        methods={{ local: true, oidc: providers }}
      />,
    );
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<img');
    expect(weight(page)).toBeLessThan(HEAVIEST);
  });

  it('says who waits, and reads an error out', async () => {
    const page = await html(
      <SignInPage {...base} clientName="Claude" notice="Type a name." methods={{ local: true, oidc: [] }} />,
    );
    expect(page).toContain('<bdi>Claude</bdi> is waiting for you to sign in.');
    expect(page).toMatch(/role="alert">Type a name\.</);
    expect(forbidden(page)).toEqual([]);
  });
});
