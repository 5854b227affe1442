import { describe, expect, it } from 'vitest';
import { Layout } from '../../src/ui/layout';
import { MessagePage, ProblemPage } from '../../src/ui/message';
import { STYLE, STYLE_PARTS } from '../../src/ui/style';
import { branding, forbidden, HEAVIEST, HOSTILE, html, weight } from './pages';

describe('Layout', () => {
  it('asks no other host, and no other request, for anything', async () => {
    const page = await html(<MessagePage branding={branding} title="Hello" text="World" />);
    expect(forbidden(page)).toEqual([]);
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    expect(page).toContain('<link rel="icon" href="data:');
    expect(weight(page)).toBeLessThan(HEAVIEST);
  });

  it('shows a logo that is ours, and an initial where there is none', async () => {
    const initial = await html(<MessagePage branding={{ name: 'écran' }} title="Hello" text="World" />);
    expect(initial).toContain('aria-hidden="true">É</span>');
    const logo = await html(
      <MessagePage branding={{ name: 'Acme', logo: '/logo.svg' }} title="Hello" text="World" />,
    );
    expect(logo).toContain('<img class="mark" src="/logo.svg" alt=""');
  });

  it('links the policy, the terms and help only where the deployment has them', async () => {
    const page = await html(
      <Layout branding={{ name: 'Acme', policyUrl: 'https://acme.example/privacy' }} title="Hello">
        <h1>Hello</h1>
      </Layout>,
    );
    expect(page).toContain(
      '<a href="https://acme.example/privacy" target="_blank" rel="noopener">Privacy</a>',
    );
    expect(page).not.toContain('Terms');
    expect(await html(<MessagePage branding={branding} title="a" text="b" />)).not.toContain('<footer>');
  });

  it('mirrors for right-to-left readers: no property of the style names left or right', () => {
    expect([STYLE, ...Object.values(STYLE_PARTS)].join('')).not.toMatch(
      /[{;-](?:left|right)\b|margin-(?:top|bottom)|padding-(?:top|bottom)|[{;]width:/,
    );
  });
});

describe('ProblemPage', () => {
  it('says what happened, what to do and by what the operator finds it, with nothing in it run', async () => {
    const page = await html(
      <ProblemPage
        branding={{ name: HOSTILE }}
        title={HOSTILE}
        what={`It failed: ${HOSTILE}`}
        next="Try again from the app."
        requestId="req-123"
        action={{ label: 'How to connect', href: '/' }}
      />,
    );
    expect(forbidden(page.replaceAll(/&lt;.*?&gt;/g, ''))).toEqual([]);
    expect(page).toContain('It failed: &quot;&gt;&lt;script&gt;');
    expect(page).toContain('Try again from the app.');
    expect(page).toContain('req-123</code>');
    expect(page).toContain('<a class="button" href="/">How to connect</a>');
  });
});
