import bundled from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

/** Unpacks the Chromium of an npm package, once; it stays in the temporary folder. Undefined except on Linux. */
export async function unpackChromium(): Promise<string | undefined> {
  return process.platform === 'linux' ? bundled.executablePath() : undefined;
}

/** Starts a headless Chromium: the bundled one on Linux, the installed Chrome elsewhere. */
export async function startChromium(): Promise<Browser> {
  const executablePath = await unpackChromium();
  if (executablePath === undefined) return chromium.launch({ channel: 'chrome' });
  // Without the package's own arguments: they turn off web security, which the tests check, and run everything in one
  // process, which ends with the first profile that is closed.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
