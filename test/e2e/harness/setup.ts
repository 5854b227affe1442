import { unpackChromium } from '../../../scripts/lib/chromium';

/** Before all files: two of them unpacking the browser at once would start a half-written one. */
export default async function setup(): Promise<void> {
  await unpackChromium();
}
