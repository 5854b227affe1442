import { describe, expect, it, test } from 'vitest';
import {
  CodePage,
  ConnectedPage,
  type ConnectProps,
  ConnectServerPage,
} from '../../../src/connections/pages/connect-page';
import { branding, fields, forbidden, HEAVIEST, HOSTILE, html, weight } from '../../ui/pages';

const base: ConnectProps = {
  branding,
  server: 'Wiki',
  auth: 'oauth',
  status: 'not_connected',
  user: { name: 'Ada', email: 'ada@acme.com' },
  byCode: false,
  action: '/connect/wiki?flow=f1',
  hidden: { csrf: 'c1' },
  switchAccount: { action: '/sign-out', hidden: { flow: 'f1' } },
};

test('CodePage asks for a code, and says what the app can then do', async () => {
  const props = { branding, server: 'Wiki', action: '/connect/wiki?flow=f1', hidden: { csrf: 'c1' } };
  const page = await html(<CodePage {...props} notice={undefined} />);
  expect(fields(page, 'user_code')).toHaveLength(1);
  expect(page.match(/<button/g)).toHaveLength(1);
  expect(page).toContain('close this page');
});

describe('ConnectServerPage', () => {
  it('has one button that goes on, and says as whom', async () => {
    const page = await html(<ConnectServerPage {...base} />);
    const [form = ''] = page.match(/<form[^>]*action="\/connect.*?<\/form>/s) ?? [];
    expect(form).toContain('name="csrf" value="c1"');
    expect(form.match(/<button/g)).toHaveLength(1);
    expect(fields(page, 'key')).toEqual([]);
    expect(page).toContain('ada@acme.com');
  });

  it('asks for a key in a field that shows it to nobody, and never fills it in', async () => {
    const page = await html(<ConnectServerPage {...base} auth="api_key" notice="Wrong" />);
    const [field] = fields(page, 'key');
    expect(field).toMatch(/type="password"/);
    expect(field).toMatch(/autocomplete="off"/);
    expect(field).not.toContain('value=');
    expect(page).toContain('role="alert"');
  });

  it('names the visitor of an app as that, with no other account to use', async () => {
    const page = await html(<ConnectServerPage {...base} byCode={true} />);
    expect(page).toContain('App used by');
    expect(page).not.toContain('/sign-out');
  });

  it('runs nothing that a setting or a provider says, and weighs little', async () => {
    const hostile = { server: HOSTILE, description: HOSTILE, user: { name: HOSTILE, email: HOSTILE } };
    for (const auth of ['oauth', 'api_key'] as const) {
      const page = await html(<ConnectServerPage {...base} {...hostile} auth={auth} />);
      expect(page).not.toMatch(/<script|<img/);
      expect(weight(page)).toBeLessThan(HEAVIEST);
      expect(forbidden(await html(<ConnectServerPage {...base} auth={auth} />))).toEqual([]);
    }
    expect(await html(<ConnectedPage branding={branding} server={HOSTILE} />)).not.toMatch(/<script|<img/);
    const code = { branding, action: '/connect/wiki?flow=f1', hidden: { csrf: 'c1' }, notice: undefined };
    expect(await html(<CodePage {...code} server={HOSTILE} />)).not.toMatch(/<script|<img/);
    expect(forbidden(await html(<CodePage {...code} server="Wiki" notice="Wrong" />))).toEqual([]);
  });
});
