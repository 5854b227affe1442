import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import { moveServers, ORCHARD, orchardPort } from '../../scripts/lib/orchard';
import { freePort, isFree } from '../../scripts/lib/ports';
import { startProgram } from '../fixtures/program';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'start-'));
  // The same Worker by a configuration elsewhere, so that its `.dev.vars` isn't the developer's.
  const toml = readFileSync('wrangler.toml', 'utf8').replace(
    '"src/index.ts"',
    `"${process.cwd()}/src/index.ts"`,
  );
  writeFileSync(join(folder, 'wrangler.toml'), toml);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('says where to point a client, hands arguments on, and ends with all its processes', async () => {
  const port = await freePort();
  writeFileSync(join(folder, 'more.env'), 'SUPPORT_URL=https://example.com/support\n');
  const more = ['--var', 'NAME:Acme', '--env-file', join(folder, 'more.env'), '--ip', '127.0.0.1'];
  const start = startProgram('npm', ['start', '--', ...folderArguments(), '--port', `${port}`, ...more]);
  await start.says(`Point a client at http://127.0.0.1:${port}/mcp`);

  const page = await (await fetch(`http://127.0.0.1:${port}/`, { headers: { accept: 'text/html' } })).text();
  expect(page).toContain('Acme');
  expect(readFileSync(join(folder, '.dev.vars'), 'utf8')).toContain('GATEHOUSE_KEYS=');
  expect(start.output()).toContain('.dev.vars\n');

  start.signal('SIGTERM');
  await expect.poll(() => isFree(port)).toBe(true);
});

it('a port that is in use is reported in words, and ends it with an error', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  const port = await new Promise<number>((resolve) =>
    other.once('listening', () => resolve((other.address() as { port: number }).port)),
  );
  const start = startProgram(process.execPath, [
    'scripts/start.ts',
    ...folderArguments(),
    '--ip',
    '127.0.0.1',
    '--port',
    `${port}`,
  ]);
  expect(await start.ended).toBe(1);
  expect(start.output()).toContain(`Another program is using port ${port}.`);
  other.close();
});

it('the orchard’s port taken: said in words, before anything is started', async () => {
  const port = await freePort(2);
  const other = createServer().listen(port + 1, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const start = startProgram(process.execPath, ['scripts/start.ts', '--port', `${port}`]);
  expect(await start.ended).toBe(1);
  expect(start.output()).toContain(
    `Another program is using port ${port + 1}, which the server of examples/orchard needs`,
  );
  expect(start.output()).not.toContain('wrangler');
  other.close();
});

it('the orchard takes the port above the gate’s, and any where that is none', () => {
  const asked = [undefined, '9000', '0', '65535', 'nine'];
  expect(asked.map(orchardPort)).toEqual([8788, 9001, 'any', 'any', 'any']);
});

it('the orchard is where its own settings and the gate’s look for it', () => {
  const { dev } = unstable_readConfig({ config: ORCHARD.config });
  expect(dev.port).toBe(ORCHARD.port);
  expect(new URL(ORCHARD.origin).port).toBe(`${ORCHARD.port}`);
});

it('servers move with the orchard, and those elsewhere stay', () => {
  const notes = { name: 'notes', binding: 'NOTES' };
  const near = { name: 'near', url: 'http://localhost:87889/mcp' };
  const far = { name: 'far', url: 'https://far.example/mcp?at=http://localhost:8788' };
  const orchard = { name: 'orchard', url: 'http://localhost:8788/mcp', auth: 'oauth' };
  const to = 'http://localhost:9001';
  expect(moveServers([notes, near, far, orchard], ORCHARD.origin, to)).toEqual([
    notes,
    near,
    far,
    { ...orchard, url: 'http://localhost:9001/mcp' },
  ]);
  expect(moveServers([notes, near, far], ORCHARD.origin, to)).toBeUndefined();
  expect(moveServers([orchard], ORCHARD.origin, ORCHARD.origin)).toBeUndefined();
  expect(moveServers(undefined, ORCHARD.origin, to)).toBeUndefined();
});

it('without the packages it says what to run first, on any Node', async () => {
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'installed.js'), readFileSync('scripts/installed.js'));
  const check = startProgram(process.execPath, [join(folder, 'installed.js')]);
  expect(await check.ended).toBe(1);
  expect(check.output()).toContain('npm ci');
});

function folderArguments(): string[] {
  return [
    '-c',
    join(folder, 'wrangler.toml'),
    '--persist-to',
    join(folder, 'state'),
    '--inspector-port',
    '0',
  ];
}
