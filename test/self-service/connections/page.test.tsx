import { expect, test } from 'vitest';
import { ConnectionsPage } from '../../../src/self-service/connections/page';
import { branding, fields, HEAVIEST, HOSTILE, html, weight } from '../../ui/pages';

test('the connections page stays light and whole with many servers of long and hostile names', async () => {
  const long = '🦊'.repeat(300);
  const accounts = (['connected', 'needs_reauthorization', 'orphaned'] as const).flatMap((status) =>
    Array.from({ length: 10 }, (_, n) => ({
      name: `${status}-${n}`,
      title: `${HOSTILE} ${long}`.slice(0, 60),
      description: long,
      auth: 'api_key' as const,
      status,
    })),
  );
  for (const from of [0, 10, 20]) {
    const text = await html(
      <ConnectionsPage
        branding={branding}
        accounts={accounts}
        from={from}
        action="/account/connections"
        hidden={{ csrf: 'c'.repeat(43) }}
        notice={HOSTILE}
      />,
    );
    expect(weight(text)).toBeLessThan(HEAVIEST);
    expect(text).not.toMatch(/<script|<img/);
    expect(fields(text, 'disconnect').length).toBeGreaterThan(4);
  }
});
