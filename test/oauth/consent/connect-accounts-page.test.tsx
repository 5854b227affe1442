import { describe, expect, test } from 'vitest';
import {
  ConnectAccountsPage,
  type ConnectAccountsProps,
} from '../../../src/oauth/consent/connect-accounts-page';
import { branding, fields, HEAVIEST, HOSTILE, html, weight } from '../../ui/pages';

type Account = ConnectAccountsProps['accounts'][number];

const account = (name: string, more: Partial<Account> = {}): Account => ({
  name,
  title: name,
  auth: 'oauth',
  status: 'not_connected',
  ...more,
});

const page = (more: Partial<ConnectAccountsProps> = {}) =>
  html(
    <ConnectAccountsPage
      branding={branding}
      client="Claude"
      user={{ name: 'Ada', email: 'ada@example.com' }}
      accounts={[account('orchard')]}
      action="/authorize?flow=f&step=services"
      hidden={{ csrf: 'c'.repeat(43) }}
      switchAccount={{ action: '/sign-out', hidden: { flow: 'f' } }}
      consent="/authorize?flow=f"
      {...more}
    />,
  );

describe('the page Connect your accounts', () => {
  test('stays light, whole and whole with many servers of long and hostile names', async () => {
    const long = '🦊'.repeat(300);
    const many = Array.from({ length: 40 }, (_, n) =>
      account(`server-${n}`, {
        title: `${HOSTILE} ${long}`.slice(0, 60),
        description: long,
        auth: 'api_key',
      }),
    );
    const text = await page({
      accounts: many,
      client: `${HOSTILE}${long}`,
      user: { name: HOSTILE, email: `${'x'.repeat(240)}@e.example` },
      notice: HOSTILE,
    });
    expect(weight(text)).toBeLessThan(HEAVIEST);
    expect(text).not.toMatch(/<script|<img/);
    expect(fields(text, 'connect')).toHaveLength(8);
  });

  test('shows first what is still to be connected, when not all fit', async () => {
    const done = Array.from({ length: 12 }, (_, n) => account(`done-${n}`, { status: 'connected' }));
    const text = await page({ accounts: [...done, account('late')] });
    expect(text).toContain('value="late"');
    expect(text).toContain('and 5 more');
  });

  test('offers no button for what is connected, and only Finish when all is', async () => {
    const text = await page({ accounts: [account('orchard', { status: 'connected' })] });
    expect(fields(text, 'connect')).toEqual([]);
    expect(fields(text, 'decision').join()).toContain('value="finish"');
    expect(fields(text, 'decision').join()).not.toContain('value="skip"');
  });

  test('says of a connection that has ended why, where that is worth a word, and offers it again', async () => {
    const ended = (reason: string) =>
      page({ accounts: [account('orchard', { status: 'needs_reauthorization', reason })] });
    expect(await ended('vault_unreadable')).toContain('can’t be read');
    expect(await ended('server_moved')).toContain('server moved');
    expect(await ended('refresh_rejected')).toContain('needs to be reconnected');
    expect(await ended('refresh_rejected')).toContain('Reconnect');
  });

  test('keys are pasted into a field that shows nothing and remembers nothing', async () => {
    const text = await page({ accounts: [account('keyed', { auth: 'api_key' })] });
    expect(fields(text, 'key').join()).toMatch(/type="password".*autocomplete="off"/);
  });
});
