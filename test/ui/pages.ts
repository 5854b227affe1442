import type { Branding } from '../../src/ui/layout';
import { renderPage } from '../../src/ui/render';

/** What the tests of pages share: a deployment's name, a page as text, and rules that every page keeps. */
export const branding: Branding = { name: 'Acme' };
/** A name that would run as markup if it were written out as it is. */
export const HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
export const HEAVIEST = 20_000;

export async function html(element: Parameters<typeof renderPage>[0]): Promise<string> {
  return (await renderPage(element)).text();
}

/** What a browser would fetch, run or restyle: nothing of that may come from elsewhere, or from a script. */
export function forbidden(page: string): string[] {
  return (
    page.match(
      /<script|\son\w+=|\sstyle=|@import|url\(|<(?:iframe|object|embed|video|audio)|\ssrc="(?!data:|\/)[^"]*"/g,
    ) ?? []
  );
}

/** The `<input>`, `<button>` tags with this name, as written. */
export function fields(page: string, name: string): string[] {
  return (page.match(/<(?:input|button)[^>]*>/g) ?? []).filter((tag) => tag.includes(` name="${name}"`));
}

export function weight(page: string): number {
  return new TextEncoder().encode(page).length;
}
