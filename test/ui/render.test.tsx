import { describe, expect, it } from 'vitest';
import { MessagePage } from '../../src/ui/message';
import { renderPage } from '../../src/ui/render';
import { branding } from './pages';

const page = <MessagePage branding={branding} title="You’re signed out on this browser" text="Goodbye." />;

describe('renderPage', () => {
  it('names the hash of the very style it sends, so that no other style can apply', async () => {
    const response = await renderPage(page);
    const policy = response.headers.get('content-security-policy') ?? '';
    const style = /<style>(.*?)<\/style>/s.exec(await response.text())?.[1] ?? '';
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style));
    const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
    expect(style.length).toBeGreaterThan(1000);
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
  });

  it('lets nothing run, load, frame the page or move its base', async () => {
    const { headers } = await renderPage(page);
    const policy = headers.get('content-security-policy')?.split('; ');
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "img-src 'self' data:",
      ]),
    );
    expect(policy?.join()).not.toMatch(/unsafe|script-src|\*/);
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('keeps forms on our origin unless the page says that its post ends elsewhere', async () => {
    const policyOf = async (options?: Parameters<typeof renderPage>[1]) =>
      (await renderPage(page, options)).headers.get('content-security-policy');
    expect(await policyOf()).toContain("form-action 'self'");
    expect(await policyOf({ formAction: 'open' })).not.toContain('form-action');
  });

  it('sends our own forms with an Origin, and leaves a popup its opener', async () => {
    const { headers } = await renderPage(page);
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.has('cross-origin-opener-policy')).toBe(false);
  });

  it('keeps every cookie and the status that it is given', async () => {
    const headers = new Headers({ 'X-Request-Id': 'r1' });
    headers.append('Set-Cookie', 'a=1');
    headers.append('Set-Cookie', 'b=2');
    const response = await renderPage(page, { status: 410, headers });
    expect(response.status).toBe(410);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(response.headers.get('x-request-id')).toBe('r1');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toMatch(/^<!doctype html><html lang="en" dir="ltr">/);
  });
});
