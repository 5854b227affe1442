import { createHash } from 'node:crypto';
import type { JSX } from 'hono/jsx/jsx-runtime';
import { STYLE, STYLE_PARTS } from './style';

export interface RenderOptions {
  status?: number;
  /**
   * Where the page's forms may lead. `'self'` (default): our own origin. `'open'`: for pages whose post ends at a
   * client or a provider; without `form-action`, because Chromium applies it to every later redirect as well.
   */
  formAction?: 'self' | 'open';
  headers?: HeadersInit;
}

const hashOf = (style: string) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`;

const POLICY = [
  "default-src 'none'",
  `style-src ${[STYLE, ...Object.values(STYLE_PARTS)].map(hashOf).join(' ')}`,
  "img-src 'self' data:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/*
 * Set here and not by hono's `secureHeaders`, since the policy depends on the page. Referrer-Policy is not
 * `no-referrer`: with that, browsers send `Origin: null` with our own forms. Cross-Origin-Opener-Policy is left out:
 * clients open /authorize in a popup and wait for it to come back to them, and any value but `unsafe-none` cuts the
 * popup off from the window that opened it.
 */
const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};

/** A page as an answer: 200 by default, with headers that keep it from being framed, cached or scripted. */
export async function renderPage(element: JSX.Element, options: RenderOptions = {}): Promise<Response> {
  const headers = new Headers(HEADERS);
  headers.set(
    'Content-Security-Policy',
    options.formAction === 'open' ? POLICY : `${POLICY}; form-action 'self'`,
  );
  for (const [name, value] of new Headers(options.headers)) {
    if (name === 'set-cookie') headers.append(name, value);
    else headers.set(name, value);
  }
  return new Response(`<!doctype html>${await element}`, { status: options.status ?? 200, headers });
}
