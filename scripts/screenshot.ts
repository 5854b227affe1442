/** `npm run screenshot`: takes screenshots of the consent page for the README, from a running gate. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { startChromium } from './lib/chromium.ts';
import { startGate } from './lib/gate.ts';
import { authorizationParams, makePkce } from './lib/oauth.ts';
import { ROOT } from './lib/wrangler.ts';

const MAX_BYTES = 250_000;
const IMAGES = join(ROOT, 'docs/images');
const SHOTS = [
  { file: 'consent-light.png', colorScheme: 'light', viewport: { width: 800, height: 900 } },
  { file: 'consent-dark.png', colorScheme: 'dark', viewport: { width: 800, height: 900 } },
  { file: 'consent-phone.png', colorScheme: 'light', viewport: { width: 390, height: 844 } },
] as const;

/** Claude, by its client metadata document: the gate has a copy of it, so no network is needed. */
const CLAUDE = {
  client_id: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
  redirect_uri: 'https://claude.ai/api/mcp/auth_callback',
};

mkdirSync(IMAGES, { recursive: true });
const configs = ['examples/wrangler.toml', 'examples/notes/wrangler.toml'];
const gate = await startGate({ vars: { NAME: 'Acme' }, args: configs.flatMap((file) => ['--config', file]) });
const browser = await startChromium();
try {
  for (const shot of SHOTS) {
    const params = new URLSearchParams(authorizationParams(CLAUDE, makePkce().code_challenge));
    await take(browser, `${gate.origin}/authorize?${params}`, shot);
  }
} finally {
  await browser.close();
  await gate.stop();
}

/** Signs in, waits for the consent page, and writes a screenshot of the whole page, at two pixels per point. */
async function take(from: Browser, url: string, { file, ...look }: (typeof SHOTS)[number]): Promise<void> {
  const context = await from.newContext({ ...look, deviceScaleFactor: 2 });
  const page = await context.newPage();
  await page.goto(url);
  const form = page.locator('form:has([name=method][value=local])');
  await form.locator('[name=name]').fill('Ada Lovelace');
  await form.locator('summary').click();
  await form.locator('[name=email]').fill('ada@acme.example');
  await form.locator('[type=submit]').click();
  await page.locator('[name=decision][value=allow]').waitFor();
  const path = join(IMAGES, file);
  await page.screenshot({ path, fullPage: true });
  await context.close();
  const { size } = statSync(path);
  if (size > MAX_BYTES) throw new Error(`${file} has ${size} bytes, more than ${MAX_BYTES}`);
  console.log(`docs/images/${file}: ${Math.round(size / 1000)} kB`);
}
