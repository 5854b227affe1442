/**
 * `npm run walk`: goes from consent to a tool call in the person's own account on a server, in a real browser, using
 * only this computer. The screenshots become a strip of pictures for the README.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { unstable_readConfig } from 'wrangler';
import { startChromium } from './lib/chromium.ts';
import { type Gate, startGate } from './lib/gate.ts';
import { callTool } from './lib/mcp.ts';
import { authorizationParams, exchangeCode, makePkce, registerClient } from './lib/oauth.ts';
import { moveServers, ORCHARD, type RunningOrchard, startOrchard } from './lib/orchard.ts';
import { type ColorScheme, drawCalls, drawStrip, type Picture, type ShownCall } from './lib/strip.ts';
import { ROOT } from './lib/wrangler.ts';

const MAX_BYTES = 450_000;
const IMAGES = join(ROOT, 'docs/images');
const CONFIGS = ['examples/wrangler.toml', 'examples/notes/wrangler.toml'];
/** The server's name in `SERVERS`. */
const SERVER = 'orchard';
/** All pictures of the strip have this size; longer pages are cut off. */
const PHONE = { width: 390, height: 800 };
/** ms for one step. */
const PATIENCE = 15_000;

/** As the MCP Inspector registers itself. Nothing has to listen at that address. */
const CLIENT = { name: 'MCP Inspector', redirectUri: 'http://localhost:6274/oauth/callback' };

const settings = unstable_readConfig({ config: join(ROOT, CONFIGS[0] ?? '') });
const browser = await startChromium();
try {
  mkdirSync(IMAGES, { recursive: true });
  for (const look of ['light', 'dark'] as const) {
    // A new orchard each time: otherwise, the person would already be connected in the second walk.
    const orchard = await startOrchard();
    try {
      save(`walk-${look}.png`, await drawStrip(browser, await walkWith(orchard, look), look));
    } finally {
      await orchard.stop();
    }
  }
} finally {
  await browser.close();
}

async function walkWith(orchard: RunningOrchard, look: ColorScheme): Promise<Picture[]> {
  const servers = moveServers(settings.vars.SERVERS, ORCHARD.origin, orchard.origin);
  if (!servers) throw new Error(`${CONFIGS[0]} names no server at ${ORCHARD.origin}`);
  const args = CONFIGS.flatMap((file) => ['--config', file]);
  const gate = await startGate({ vars: { NAME: 'Acme', SERVERS: servers }, args });
  try {
    return await walk(gate, orchard, look);
  } finally {
    await gate.stop();
  }
}

/** All five steps. Each throws an error with its name when the page that it needs doesn't appear. */
async function walk(gate: Gate, orchard: RunningOrchard, look: ColorScheme): Promise<Picture[]> {
  const context = await browser.newContext({ colorScheme: look, viewport: PHONE, deviceScaleFactor: 2 });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const pictures: Picture[] = [];
  const take = async (caption: string) => {
    pictures.push({ caption, image: await page.screenshot() });
    console.log(`${look}: ${caption}`);
  };
  const client = await registerClient(gate.origin, CLIENT.redirectUri, { client_name: CLIENT.name });
  const { code_verifier, code_challenge } = makePkce();
  const params = new URLSearchParams(authorizationParams(client, code_challenge));

  await step('consent', page, async () => {
    await page.goto(`${gate.origin}/authorize?${params}`);
    await signIn(page);
    await page.locator('[name=decision][value=allow]').waitFor();
    await take('Choose what the app can do');
    await page.locator('[name=decision][value=allow]').click();
  });
  await step('services', page, async () => {
    await page.locator('[name=decision][value=finish]').waitFor();
    await take('See what needs an account');
    await connectButton(page).click();
  });
  await step('the orchard', page, async () => {
    await page.waitForURL((url) => url.origin === orchard.origin);
    await page.locator('[name=account]').fill('Ada');
    await take('Sign in to that server');
    await page.locator('[name=decision][value=allow]').click();
  });
  const callback = await step('connected', page, async () => {
    await page.locator('[name=decision][value=finish]').waitFor();
    await take('Come back, connected');
    return catchRedirect(page, () => page.locator('[name=decision][value=finish]').click());
  });
  await context.close();

  const tokens = await exchangeCode(gate.origin, client, callback, code_verifier);
  const calls = await callTools(`${gate.origin}/mcp`, tokens.access_token);
  pictures.push({
    caption: 'The app works in your account',
    image: await drawCalls(browser, CLIENT.name, calls, look),
  });
  return pictures;
}

async function signIn(page: Page): Promise<void> {
  const form = page.locator('form:has([name=method][value=local])');
  await form.locator('[name=name]').fill('Ada Lovelace');
  await form.locator('[type=submit]').click();
}

/** The button on the services page that connects that server; its name is in the form's address or in a field. */
function connectButton(page: Page) {
  const forms = `form[action*="/connect/${SERVER}"], form:has(input[value="${SERVER}"])`;
  const inForm = page.locator(forms).locator('button:not([name=decision])');
  return inForm.or(page.locator(`button[value="${SERVER}"], a[href*="/connect/${SERVER}"]`)).first();
}

async function callTools(endpoint: string, token: string): Promise<ShownCall[]> {
  const calls: ShownCall[] = [];
  const wanted: [string, Record<string, unknown>][] = [
    [`${SERVER}_plant_tree`, { kind: 'quince' }],
    [`${SERVER}_whose_orchard`, {}],
  ];
  for (const [tool, args] of wanted) {
    const { content, isError } = await callTool(endpoint, token, tool, args);
    const answer = (content as { text?: string }[])[0]?.text ?? '';
    if (isError) throw new Error(`${tool}: ${answer}`);
    calls.push({ tool, args, answer });
  }
  if (!calls.at(-1)?.answer.includes('Ada')) throw new Error('the call wasn’t made in Ada’s account');
  return calls;
}

/**
 * The final redirect to the client, as the browser requests it. Nothing has to listen at that address. `click`: what
 * causes the redirect.
 */
async function catchRedirect(page: Page, click: () => Promise<void>): Promise<URL> {
  const asked = page.waitForRequest((request) => request.url().startsWith(`${CLIENT.redirectUri}?`));
  const [request] = await Promise.all([asked, click()]);
  return new URL(request.url());
}

async function step<T>(name: string, page: Page, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const title = await page.title().catch(() => '');
    throw new Error(`${name}: the page didn’t appear; the browser is at ${page.url()} (“${title}”)`, {
      cause: error,
    });
  }
}

function save(file: string, image: Buffer): void {
  if (image.length > MAX_BYTES) throw new Error(`${file} has ${image.length} bytes, more than ${MAX_BYTES}`);
  writeFileSync(join(IMAGES, file), image);
  console.log(`docs/images/${file}: ${Math.round(image.length / 1000)} kB`);
}
