import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { unpackChromium } from '../../../scripts/lib/chromium';
import { bundleGate } from '../../../scripts/lib/gate';

declare module 'vitest' {
  interface ProvidedContext {
    /** The file of the Worker as a deployment would upload it. */
    bundle: string;
  }
}

/**
 * Before all files, what each would do again: bundles the Worker, and unpacks the browser, of which two that did it
 * at once would start a half-written one.
 */
export default async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bundle-'));
  const [bundle] = await Promise.all([bundleGate(folder), unpackChromium()]);
  project.provide('bundle', bundle);
  return () => rmSync(folder, { recursive: true, force: true });
}
