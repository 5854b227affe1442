import { createHash } from 'node:crypto';
import type { Child } from 'hono/jsx';
import type { JSX } from 'hono/jsx/jsx-runtime';

/** Unlike the gate's style, so that people notice that this is another site. */
const STYLE = `
:root{color-scheme:light dark;--sky:#d8e8ef;--paper:#fbf6e6;--ink:#2e2416;--soft:#665536;--line:#cdbb8e;--hill:#7d9a4c;--leaf:#3f6b2f;--fruit:#b3261e;--press:#3d5a1e;--on:#fff}
@media(prefers-color-scheme:dark){:root{--sky:#141c2b;--paper:#221c12;--ink:#f1e7cf;--soft:#c9b68c;--line:#5b4c2e;--hill:#2c3d1c;--leaf:#5c9440;--fruit:#e0655c;--press:#a9cc78;--on:#18220b}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.55 Georgia,'Iowan Old Style','Noto Serif',serif;overflow-wrap:anywhere}
svg{display:block;inline-size:100%;block-size:9rem;background:var(--sky)}
main{max-inline-size:34rem;margin-inline:auto;padding:1.5rem 1.25rem 3rem}
h1{font-size:1.75rem;line-height:1.2;font-weight:400;margin-block:0 1rem;text-wrap:balance}
.site{color:var(--soft);font-style:italic;margin-block:0 .25rem}
.soft,small{color:var(--soft)}
small{display:block;font-size:.9375rem;margin-block-start:.6rem}
.wrong{border-inline-start:.25rem solid var(--fruit);padding-inline-start:.75rem}
code{font-size:.9375rem}
a{color:inherit}
label{display:block;margin-block:1.5rem .35rem;font-weight:700}
input{inline-size:100%;padding:.6rem .7rem;font:inherit;color:inherit;background:transparent;border:0;border-block-end:2px solid var(--soft)}
p.choice{display:flex;gap:1rem;margin-block:1.75rem 0}
button{flex:1;min-block-size:2.9rem;padding:.5rem 1rem;font:inherit;font-weight:700;color:var(--on);background:var(--press);border:2px solid var(--press);border-radius:0;cursor:pointer}
button.other{color:var(--press);background:transparent}
:focus-visible{outline:3px solid var(--leaf);outline-offset:3px}
`;

const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  // Not `no-referrer`, which makes browsers send `Origin: null` with our own forms.
  'Referrer-Policy': 'same-origin',
};

/** A page of the orchard as an answer. */
export async function renderPage(title: string, body: Child, status = 200): Promise<Response> {
  const page: JSX.Element = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · The Orchard`}</title>
        <style dangerouslySetInnerHTML={{ __html: STYLE }} />
      </head>
      <body>
        <Hill />
        <main>
          <p class="site">The Orchard</p>
          {body}
        </main>
      </body>
    </html>
  );
  return new Response(`<!doctype html>${await page}`, { status, headers: HEADERS });
}

/** Trees on a hill. */
function Hill() {
  return (
    <svg viewBox="0 0 600 140" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
      <path d="M0 105Q300 50 600 105V140H0Z" fill="var(--hill)" />
      {[90, 195, 300, 405, 510].map((x) => {
        const y = Math.round(105 - 27 * (1 - ((x - 300) / 300) ** 2));
        return (
          <g fill="var(--leaf)">
            <path d={`M${x - 3} ${y + 4}v-30h6v30Z`} fill="var(--soft)" />
            <circle cx={x} cy={y - 38} r="22" />
            {[-9, 2, 10].map((dx, row) => (
              <circle cx={x + dx} cy={y - 44 + row * 8} r="3" fill="var(--fruit)" />
            ))}
          </g>
        );
      })}
    </svg>
  );
}
