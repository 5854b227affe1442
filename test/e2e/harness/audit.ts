import type { Page } from 'playwright-core';
import { axe } from './browser';

/** Bytes: pages paint at once. */
const LARGEST_PAGE = 20_000;

const LOOKS = [
  { width: 1200, colorScheme: 'light' },
  { width: 1200, colorScheme: 'dark' },
  { width: 390, colorScheme: 'light' },
  { width: 390, colorScheme: 'dark' },
] as const;

/** What all pages have to keep; returns what one doesn't. */
export async function faultsOf(page: Page): Promise<string[]> {
  const faults: string[] = [];
  for (const { width, colorScheme } of LOOKS) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    const found = await axe(page);
    faults.push(...found.map((violation) => `${width} ${colorScheme}: ${violation}`));
  }
  await page.setViewportSize({ width: 320, height: 640 });
  const wide = await page.evaluate('document.documentElement.scrollWidth');
  if (Number(wide) > 320) faults.push(`scrolls sideways at 320 points: ${wide}`);
  const bytes = Buffer.byteLength(await page.content());
  if (bytes > LARGEST_PAGE) faults.push(`weighs ${bytes} bytes`);
  return faults;
}
