import type { Page } from 'playwright-core';
import type { Callback } from './callback';

/** What a person does at the gate's pages, in a real browser: reads, types, ticks, clicks. */
export interface Wishes {
  /** Typed where a name is asked for. */
  name: string;
  email?: string;
  /** Values of `scope` to tick beside what the page proposes. */
  tick?: readonly string[];
}

/** Signs in by name on the page at hand. */
export async function typeName(page: Page, { name, email }: Wishes): Promise<void> {
  await page.getByLabel('Your name').fill(name);
  if (email !== undefined) {
    await page.getByText('More options', { exact: true }).click();
    await page.getByLabel('Email address').fill(email);
  }
  await press(page, 'Sign in');
}

/** Presses a button (the last of that name) and waits until the page that it leads to is there. */
export async function press(page: Page, button: string): Promise<void> {
  const arrived = page.waitForEvent('domcontentloaded');
  await page.getByRole('button', { name: button, exact: true }).last().click();
  await arrived;
}

/** Waits until the page's title on it is this; throws with what is there instead. */
export async function sees(page: Page, title: string | RegExp): Promise<void> {
  const wanted = page.locator('h1').filter({ hasText: title });
  await wanted.waitFor().catch(async () => {
    throw new Error(`"${await heading(page)}" instead of "${title}" at ${page.url()}`);
  });
}

/** Ticks and allows on the consent page at hand, and waits until the browser is at the client. */
export async function allow(page: Page, callback: Callback, tick: readonly string[] = []): Promise<URL> {
  for (const scope of tick) await page.locator(`input[name=scope][value="${scope}"]`).check();
  await page.getByRole('button', { name: 'Allow' }).click();
  return callback.next();
}

/** Opens an authorization URL, signs in by name, allows; returns where the client was sent back to. */
export async function visit(page: Page, callback: Callback, url: string | URL, wishes: Wishes): Promise<URL> {
  await page.goto(`${url}`);
  await typeName(page, wishes);
  return allow(page, callback, wishes.tick);
}

/** The sentence that a page has as its title. */
export function heading(page: Page): Promise<string> {
  return page.locator('h1').innerText();
}
