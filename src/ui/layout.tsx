import { raw } from 'hono/html';
import type { PropsWithChildren } from 'hono/jsx';
import { STYLE, STYLE_PARTS, type StylePart } from './style';
import { initialOf, shown } from './words/sentence';
import { words } from './words/words';

/** What every page shows of the deployment. `logo`: a `data:` URI or a URL on our own origin. */
export interface Branding {
  name: string;
  logo?: string | undefined;
  policyUrl?: string | undefined;
  termsUrl?: string | undefined;
  supportUrl?: string | undefined;
}

/** A gate in the accent color. Inline, so that the browser doesn't ask for `/favicon.ico`. */
const ICON =
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path fill='%230b6b58' d='M1 15V8a7 7 0 0 1 14 0v7h-4V8a3 3 0 0 0-6 0v7z'/></svg>";

interface LayoutProps {
  branding: Branding;
  /** The title of the browser's tab. */
  title: string;
  /** Whether the deployment's name is above the card (default true); false where the card begins with it. */
  header?: boolean;
  /** The styles that the page needs in addition to the common one. */
  parts?: readonly StylePart[];
}

/** A whole document: head, inline styles, the deployment's name, one card, the footer's links. */
export function Layout(props: PropsWithChildren<LayoutProps>) {
  const { branding, title, header = true, parts = [], children } = props;
  return (
    <html lang={words.lang} dir={words.dir}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <link rel="icon" href={branding.logo ?? ICON} />
        <style>{raw(STYLE)}</style>
        {parts.map((part) => (
          <style>{raw(STYLE_PARTS[part])}</style>
        ))}
      </head>
      <body>
        {header && (
          <header>
            <Mark name={branding.name} logo={branding.logo} />
            <bdi>{shown(branding.name)}</bdi>
          </header>
        )}
        <main>{children}</main>
        <Footer branding={branding} />
      </body>
    </html>
  );
}

/** A logo, or the initial of the name on a tile. It is decoration: the name is always next to it. */
export function Mark({ name, logo }: { name: string; logo?: string | undefined }) {
  if (logo !== undefined) return <img class="mark" src={logo} alt="" width="40" height="40" />;
  return (
    <span class="mark" aria-hidden="true">
      {initialOf(name)}
    </span>
  );
}

function Footer({ branding }: { branding: Branding }) {
  const links = [
    { label: words.footer.policy, href: branding.policyUrl },
    { label: words.footer.terms, href: branding.termsUrl },
    { label: words.footer.support, href: branding.supportUrl },
  ].filter((link) => link.href !== undefined);
  if (links.length === 0) return null;
  return (
    <footer>
      {links.map(({ label, href }) => (
        // In a new tab, so that somebody who reads the policy keeps the form that they are filling in.
        <a href={href} target="_blank" rel="noopener">
          {label}
        </a>
      ))}
    </footer>
  );
}
