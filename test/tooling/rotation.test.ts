import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeKeys } from '../../scripts/lib/keys.ts';
import { readSecretsFile, rotateKeys, versionsOf } from '../../scripts/lib/rotation.ts';
import { ROOT } from '../../scripts/lib/wrangler.ts';

const NOVEMBER = new Date('2026-11-03T00:00:00Z');
const DECEMBER = new Date('2026-12-24T00:00:00Z');
const keys = makeKeys(NOVEMBER);
const parsed = (text: string) => JSON.parse(text) as Record<string, string>;

describe('another master key', () => {
  it('is added behind the one that seals, made the first, and then the old one goes; ids stay', () => {
    const added = rotateKeys(keys, 'add', DECEMBER);
    expect(versionsOf(added)).toEqual(['2026-11', '2026-12']);
    const first = rotateKeys(added, 'first', DECEMBER);
    expect(versionsOf(first)).toEqual(['2026-12', '2026-11']);
    const dropped = rotateKeys(first, 'drop', DECEMBER);
    expect(versionsOf(dropped)).toEqual(['2026-12']);
    for (const text of [added, first]) expect(parsed(text)).toMatchObject(parsed(keys));
    expect(parsed(dropped).ids).toBe(parsed(keys).ids);
    expect(Buffer.from(parsed(dropped)['2026-12'] ?? '', 'base64')).toHaveLength(32);
  });

  it('twice in a month has a name of its own', () => {
    const [day] = NOVEMBER.toISOString().split('T');
    const added = rotateKeys(rotateKeys(keys, 'add', NOVEMBER), 'first', NOVEMBER);
    expect(versionsOf(added)).toEqual([day, '2026-11']);
    expect(versionsOf(rotateKeys(added, 'add', NOVEMBER))).toEqual([day, `${day}-2`, '2026-11']);
  });

  it.each([
    ['first', keys, /Run the step "add"/],
    ['drop', keys, /nothing to drop/],
    ['drop', rotateKeys(keys, 'add', DECEMBER), /isn’t the first yet/],
    ['first', rotateKeys(rotateKeys(keys, 'add', DECEMBER), 'first'), /already the first/],
    ['add', '{"ids":"x"}', /needs a master key/],
    ['add', 'nonsense', /isn’t valid JSON/],
  ] as const)('is not made by the step %s out of turn (%#)', (step, text, says) => {
    expect(() => rotateKeys(text, step, DECEMBER)).toThrow(says);
  });
});

describe('npm run keys:rotate', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rotation-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(ROOT, 'scripts/rotate-keys.ts'), ...args], { encoding: 'utf8' });

  it.each([
    ['.dev.vars', `# mine\nOTHER='1'\nGATEHOUSE_KEYS='${keys}'\nLAST=2\n`],
    ['secrets.json', JSON.stringify({ OTHER: '1', GATEHOUSE_KEYS: keys })],
  ])('changes that secret of a %s and nothing else, and prints no key', (name, text) => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    const { status, stdout, stderr } = run('add', '--file', file);
    expect([status, stderr]).toEqual([0, '']);
    const after = readFileSync(file, 'utf8');
    expect(versionsOf(readSecretsFile(after) ?? '')).toHaveLength(2);
    expect(after).toContain('OTHER');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const key of Object.values(parsed(readSecretsFile(after) ?? '{}')))
      expect(stdout).not.toContain(key);
  });

  it('leaves the file alone when a step is out of turn', () => {
    const file = join(folder, '.dev.vars');
    writeFileSync(file, `GATEHOUSE_KEYS='${keys}'\n`);
    expect(run('drop', '--file', file).status).toBe(1);
    expect(run('add', '--upload', '--file', file).status).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe(`GATEHOUSE_KEYS='${keys}'\n`);
  });
});
