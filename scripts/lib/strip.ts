import type { Browser } from 'playwright-core';

export type ColorScheme = 'light' | 'dark';

export interface Picture {
  caption: string;
  /** A PNG. */
  image: Buffer;
}

/** A tool call, with its answer. */
export interface ShownCall {
  tool: string;
  args: Record<string, unknown>;
  answer: string;
}

/** Width of each picture in the strip, in points. */
const WIDTH = 264;

/** Pictures side by side, each with its number and caption, as one PNG at 1.5 pixels per point. */
export async function drawStrip(
  browser: Browser,
  pictures: readonly Picture[],
  colorScheme: ColorScheme,
): Promise<Buffer> {
  const figures = pictures.map(({ caption, image }, index) => {
    const source = `data:image/png;base64,${image.toString('base64')}`;
    return `<figure><figcaption><b>${index + 1}</b> ${escapeHtml(caption)}</figcaption><img src="${source}" alt=""></figure>`;
  });
  const width = pictures.length * (WIDTH + 20) + 20;
  const style = `${COLORS}body{margin:0;padding:20px;display:flex;gap:20px;align-items:start;background:var(--bg);color:var(--ink);font:15px/1.4 system-ui,sans-serif}
figure{margin:0;inline-size:${WIDTH}px}figcaption{margin-block-end:8px}img{display:block;inline-size:100%;border:1px solid var(--line);border-radius:8px;box-sizing:border-box}`;
  return draw(browser, figures.join(''), style, { width, height: 100 }, colorScheme, 1.5);
}

/** Tool calls as a picture with the width of a phone: each request, with its answer below. */
export async function drawCalls(
  browser: Browser,
  client: string,
  calls: readonly ShownCall[],
  colorScheme: ColorScheme,
): Promise<Buffer> {
  const lines = calls.map(
    ({ tool, args, answer }) =>
      `<p><b>${escapeHtml(tool)}</b><br><span>${escapeHtml(JSON.stringify(args))}</span></p><p class="answer">${escapeHtml(answer)}</p>`,
  );
  const style = `${COLORS}body{margin:0;padding:20px;background:var(--bg);color:var(--ink);font:15px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
h1{font-size:17px}p{margin:14px 0 4px}span{color:var(--soft)}.answer{margin:4px 0;padding:10px 12px;border-inline-start:3px solid var(--mark);background:var(--card)}`;
  const body = `<h1>${escapeHtml(client)}</h1>${lines.join('')}`;
  return draw(browser, body, style, { width: 390, height: 100 }, colorScheme, 2);
}

const COLORS = `:root{color-scheme:light dark;--bg:#fff;--card:#f2f4f3;--ink:#15201c;--soft:#52605a;--line:#c5cdc9;--mark:#0a6a57}
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--card:#151c1a;--ink:#e8eeeb;--soft:#a3b1ab;--line:#3a4541;--mark:#5cd3b5}}`;

async function draw(
  browser: Browser,
  body: string,
  style: string,
  viewport: { width: number; height: number },
  colorScheme: ColorScheme,
  deviceScaleFactor: number,
): Promise<Buffer> {
  const context = await browser.newContext({ colorScheme, viewport, deviceScaleFactor });
  try {
    const page = await context.newPage();
    await page.setContent(`<!doctype html><meta charset="utf-8"><style>${style}</style>${body}`);
    return await page.screenshot({ fullPage: true });
  } finally {
    await context.close();
  }
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
