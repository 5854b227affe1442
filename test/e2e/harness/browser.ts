import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { startChromium } from '../../../scripts/lib/chromium';
import { STEP_LIMIT } from '../../patience';

/** A headless browser, as one test or file uses it. */
export interface TestBrowser {
  /** A page in a profile of its own: nothing is shared with other pages, cookies neither. */
  newPage(options?: PageOptions): Promise<Page>;
  /** Closes the profiles of its pages; the browser is there for others. */
  close(): Promise<void>;
}

export interface PageOptions {
  dark?: boolean;
  /** 390 × 844 points, by touch. */
  phone?: boolean;
  /** Without JavaScript, which no page of the gate needs. */
  noScript?: boolean;
  /** The profile of a page that is there already, for a second tab. */
  context?: BrowserContext;
}

/** What axe-core found, in a line each; empty is good. */
export type Violation = `${string}: ${string}`;

let shared: Promise<Browser> | undefined;

/** A use of the one browser that this process of tests starts, which ends with the process. */
export async function launchBrowser(): Promise<TestBrowser> {
  const there = shared ?? startChromium();
  shared = there.then((browser) => (browser.isConnected() ? browser : startChromium()));
  const browser = await shared;
  const profiles = new Set<BrowserContext>();
  return {
    newPage: async (options = {}) => {
      const context = options.context ?? (await newContext(browser, options));
      if (!options.context) profiles.add(context);
      const page = await context.newPage();
      page.setDefaultTimeout(STEP_LIMIT);
      return page;
    },
    close: async () => {
      await Promise.all([...profiles].map((profile) => profile.close()));
    },
  };
}

/**
 * Runs axe-core on a page (with scripts on: it is one). It comes in by the debugging protocol, so the
 * page's content policy is neither in its way nor switched off.
 */
export async function axe(page: Page): Promise<Violation[]> {
  await page.evaluate(axeSource());
  const found: { id: string; help: string; nodes: { html: string }[] }[] = await page.evaluate(
    'axe.run().then((results) => results.violations)',
  );
  return found.map(
    ({ id, help, nodes }): Violation => `${id}: ${help} — ${nodes.map((node) => node.html).join(' | ')}`,
  );
}

function newContext(browser: Browser, options: PageOptions): Promise<BrowserContext> {
  return browser.newContext({
    colorScheme: options.dark ? 'dark' : 'light',
    javaScriptEnabled: !options.noScript,
    ...(options.phone
      ? { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }
      : { viewport: { width: 1200, height: 900 } }),
  });
}

let source: string | undefined;
function axeSource(): string {
  source ??= (createRequire(import.meta.url)('axe-core') as { source: string }).source;
  return source;
}
