import { describe, expect, it } from 'vitest';
import { ConsentPage, type ConsentProps } from '../../../src/oauth/consent/page';
import type { ConsentServer } from '../../../src/oauth/consent/servers';
import { branding, fields, forbidden, HEAVIEST, HOSTILE, html, weight } from '../../ui/pages';

const base: ConsentProps = {
  branding,
  action: '/authorize/f1',
  hidden: { flow: 'f1', csrf: 'c1' },
  client: { name: 'Claude', domain: 'claude.ai', redirectHost: 'claude.ai', loopback: false },
  user: { name: 'Ada', email: 'ada@acme.example', emailVerified: true, method: 'Okta' },
  switchAccount: { action: '/sign-out', hidden: { next: 'f1' } },
  scopes: [
    { scope: 'mcp:read', ticked: true, asked: true, tools: ['Who am I'] },
    { scope: 'mcp:write', ticked: true, asked: true, tools: [] },
    { scope: 'mcp:destructive', ticked: false, asked: false, tools: [] },
  ],
  servers: [],
  expires: { min: '2026-11-19', max: '2027-11-17', value: '2027-02-16' },
  destructiveAsked: false,
};
const consent = (props: Partial<ConsentProps> = {}) => html(<ConsentPage {...base} {...props} />);

function server(name: string, tools: number, title = `Server ${name}`): ConsentServer {
  const titles = (verb: string) =>
    Array.from({ length: tools }, (_, index) => `${verb} something number ${index}`);
  return {
    name,
    title,
    ticked: true,
    tools: { read: titles('Read'), write: titles('Edit'), destructive: titles('Delete') },
  };
}

/** The scopes in the order in which a reader meets them. */
function scopesIn(page: string): string[] {
  return fields(page, 'scope').map((tag) => /value="([^"]*)"/.exec(tag)?.[1] ?? '');
}

describe('ConsentPage', () => {
  it('asks in one sentence, in the tab and on the page', async () => {
    const page = await consent();
    expect(page).toContain('<title>Claude wants to use Acme’s tools as you</title>');
    expect(page).toContain('<h1><bdi>Claude</bdi> wants to use <bdi>Acme</bdi>’s tools as you</h1>');
  });

  it('posts decision, scope, server and expires, with what the form must carry', async () => {
    const page = await consent({ servers: [server('notes', 1), { ...server('wiki', 1), ticked: false }] });
    expect(page).toContain('<form method="post" action="/authorize/f1">');
    expect(page).toContain('<input type="hidden" name="csrf" value="c1"/>');
    expect(fields(page, 'decision').map((tag) => /value="(\w+)"/.exec(tag)?.[1])).toEqual(['deny', 'allow']);
    expect(
      fields(page, 'server').map((tag) => [/value="(\w+)"/.exec(tag)?.[1], / checked/.test(tag)]),
    ).toEqual([
      ['notes', true],
      ['wiki', false],
    ]);
    const [expires] = fields(page, 'expires');
    for (const part of ['type="date"', 'min="2026-11-19"', 'max="2027-11-17"', 'value="2027-02-16"']) {
      expect(expires).toContain(part);
    }
  });

  it('never ticks delete for anybody, whatever was asked or passed', async () => {
    const scopes = base.scopes.map((scope) => ({ ...scope, ticked: true, asked: true }));
    for (const destructiveAsked of [true, false]) {
      const tags = fields(await consent({ scopes, destructiveAsked }), 'scope');
      expect(
        tags.filter((tag) => / checked/.test(tag)).map((tag) => /value="([^"]*)"/.exec(tag)?.[1]),
      ).toEqual(['mcp:read', 'mcp:write']);
    }
  });

  it('puts delete first when it was asked for, and says what stays refused without it', async () => {
    const asked = await consent({ destructiveAsked: true });
    expect(scopesIn(asked)).toEqual(['mcp:destructive', 'mcp:read', 'mcp:write']);
    expect(asked).toContain('everything else works');
    const unasked = await consent();
    expect(scopesIn(unasked)).toEqual(['mcp:read', 'mcp:write', 'mcp:destructive']);
    expect(unasked).not.toContain('everything else works');
  });

  it('offers no scope beyond what the role allows', async () => {
    expect(scopesIn(await consent({ scopes: base.scopes.slice(0, 1) }))).toEqual(['mcp:read']);
  });

  it('can be cancelled in any state: nothing that is missing holds the button back', async () => {
    const page = await consent({ expires: { ...base.expires, value: '' } });
    expect(fields(page, 'decision')[0]).toMatch(/value="deny" formnovalidate/);
    expect(fields(page, 'scope').join()).not.toContain('required');
  });

  it('gives allow and cancel the same weight', async () => {
    const shape = (tag: string) => tag.replace(/ value="\w+"| formnovalidate(="")?/g, '');
    const [deny, allow] = fields(await consent(), 'decision').map(shape);
    expect(allow).toBe(deny);
  });
});

describe('who asks, on the consent page', () => {
  it('is marked verified only by a domain', async () => {
    const verified = await consent();
    expect(verified).toMatch(/<bdi>claude\.ai<\/bdi> verified/);
    expect(verified).not.toContain('not verified');
    const unknown = await consent({
      client: { name: 'Claude', redirectHost: 'evil.example', loopback: false },
    });
    expect(unknown).toContain('not verified');
    expect(unknown).toMatch(/if you trust <bdi>evil\.example<\/bdi>/);
  });

  it('is warned about when it is a program on this computer, verified or not', async () => {
    const client = {
      name: 'Claude Code',
      domain: 'claude.ai',
      redirectHost: '127.0.0.1:53535',
      loopback: true,
    };
    const page = await consent({ client });
    expect(page).toContain('this computer (<bdi>127.0.0.1:53535</bdi>)');
    expect(page).toContain('An app on this computer wants access.');
    expect(await consent()).not.toContain('An app on this computer');
  });

  it('sees the account in use, its address marked when unverified, and a way to another', async () => {
    const page = await consent({ user: { name: 'Ada', email: 'ada@acme.example', emailVerified: false } });
    expect(page).toMatch(/<bdi>ada@acme\.example<\/bdi> \(not verified\)/);
    expect(page).toMatch(
      /<form method="post" action="\/sign-out"><input type="hidden" name="next" value="f1"\/>/,
    );
    expect(await consent()).toContain('signed in with <bdi>Okta</bdi>');
  });

  it('cannot smuggle markup in by any name', async () => {
    const page = await consent({
      branding: { name: HOSTILE },
      client: { name: HOSTILE, redirectHost: 'evil.example', loopback: false },
      user: { name: HOSTILE, email: HOSTILE, emailVerified: false, method: HOSTILE },
      servers: [{ ...server('notes', 1, HOSTILE), description: HOSTILE }],
      notice: HOSTILE,
    });
    expect(page).not.toMatch(/<script|<img/);
    expect(page).toContain('&quot;&gt;&lt;script&gt;');
  });
});

describe('what the consent page lets choose', () => {
  it('has no servers block where there are no servers', async () => {
    expect(await consent()).not.toContain('On which servers?');
    expect(await consent({ servers: [server('notes', 1)] })).toContain('On which servers?');
  });

  it('counts the tools of each kind and unfolds their titles without a script', async () => {
    const page = await consent({ servers: [server('notes', 2)] });
    for (const count of ['2 read', '2 change', '2 delete']) expect(page).toContain(count);
    expect(page).toContain('<li><bdi>Delete something number 1</bdi></li>');
    expect(page).toContain('<li><bdi>Who am I</bdi></li>');
    expect(forbidden(page)).toEqual([]);
  });

  it('stays under 20 kB with ten servers of many tools, and says how many titles it left out', async () => {
    const servers = Array.from({ length: 10 }, (_, index) => ({
      ...server(`s${index}`, 40),
      description:
        'Everything that the team has written down, shared and forgotten about since the beginning',
    }));
    const page = await consent({ servers, client: { ...base.client, name: 'x'.repeat(10_000) } });
    expect(weight(page)).toBeLessThan(HEAVIEST);
    expect(page).toMatch(/and \d+ more/);
    expect(page).toContain('40 delete');
    const device = { userCode: 'BCDF-GHJK', from: 'x'.repeat(1000), otherNetwork: true };
    const asked = await consent({ servers, device, client: { ...base.client, name: 'x'.repeat(10_000) } });
    expect(weight(asked)).toBeLessThan(HEAVIEST);
    expect(asked).toMatch(/and \d+ more/);
  });
});

describe('the consent page of a device', () => {
  const device = { userCode: 'BCDF-GHJK', from: '203.0.113.7 (Berlin, DE)', otherNetwork: false };

  it('shows the code to compare and where the request came from, instead of an address', async () => {
    const page = await consent({ device });
    for (const part of ['BCDF-GHJK', '203.0.113.7 (Berlin, DE)', 'in front of you'])
      expect(page).toContain(part);
    expect(page).not.toContain('<bdi>claude.ai</bdi></dd>');
    expect(page).not.toContain('This isn’t the network');
    expect(await consent({ device: { ...device, otherNetwork: true } })).toContain('This isn’t the network');
  });

  it('says that it does not know where from, when the platform does not tell', async () => {
    const page = await consent({ device: { userCode: 'BCDF-GHJK', otherNetwork: false } });
    expect(page).toContain('an unknown address');
  });

  it('shows what somebody else chose as text', async () => {
    const page = await consent({ device: { ...device, from: '<script>' } });
    expect(page).toContain('&lt;script&gt;');
  });
});
