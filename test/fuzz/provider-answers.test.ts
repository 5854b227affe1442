import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { connectedClient, signIn, worldWith } from '../fixtures/connections';
import { distort, distortion } from '../fixtures/fuzz/distortions';
import { casesOr, check, isEnough, timeFor } from '../fixtures/fuzz/settings';
import { soundAtServer, soundPage } from '../fixtures/fuzz/soundness';
import { Caller } from '../fixtures/mcp-server-caller';
import { Browser, formWith } from '../fixtures/worker';

/* A server that wants OAuth and its provider, one of whose answers is odd. */

const CASES = casesOr(25);

afterEach(() => {
  vi.unstubAllGlobals();
});

const PATHS = ['oauth-protected-resource', 'oauth-authorization-server', 'register', 'token', '/mcp'];

test(
  'an odd answer of a provider ends in a page, or in a redirect over https to where its metadata says',
  async () => {
    let connected = 0;
    let person = 0;
    const property = fc.asyncProperty(fc.constantFrom(...PATHS), distortion, async (path, change) => {
      const world = worldWith();
      distort(world.provider, { [path]: change });
      distort(world.server, { [path]: change });
      const browser = new Browser(world.at);
      await signIn(browser, `Fuzz ${++person}`);
      const opened = await soundPage(await browser.visit('/connect/tools'));
      const page = await browser.visit(opened ?? '');
      expect(await soundPage(page)).toBeUndefined();
      const away = await soundPage(await browser.submit(formWith(page, 'csrf')));
      if (away === undefined) return;
      expect(new URL(away).protocol).toBe('https:');
      const done = await browser.visit(world.provider.allow(away));
      expect(await soundPage(done)).toBeUndefined();
      if (done.status === 200) connected++;
    });
    await check('answers of a provider', property, CASES);
    // Or nothing that comes after the first answer was tried.
    expect(isEnough(connected, CASES), `${connected} of ${CASES}`).toBe(true);
  },
  timeFor(CASES, 60),
);

test(
  'an odd answer to a refresh, or of a server, is an error of that server',
  async () => {
    const asked = fc.record({
      path: fc.constantFrom('token', '/mcp'),
      change: distortion,
      method: fc.constantFrom('tools/list', 'tools/call', 'resources/list', 'initialize', 'ping'),
    });
    const property = fc.asyncProperty(asked, async ({ path, change, method }) => {
      const world = worldWith({ tools: [{ match: 'erase', access: 'hidden' }] });
      world.provider.expiresIn = 1;
      const caller = new Caller(await connectedClient(world, 'Ada'), 'tools');
      distort(world.provider, { [path]: change });
      distort(world.server, { [path]: change });
      const params = method === 'tools/call' ? { name: 'look', arguments: {} } : {};
      const { status, headers, text } = await readAll(await caller.fetch({ method, params }));
      soundAtServer({ status, header: (name) => headers.get(name), text });
      // What its list says of the tool that the settings hide.
      expect(text).not.toContain('The erase');
    });
    await check('answers to a refresh', property, CASES);
  },
  timeFor(CASES, 100),
);

async function readAll(response: Response) {
  const { status, headers } = response;
  return { status, headers, text: await response.text() };
}
