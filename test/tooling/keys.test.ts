import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureLocalKeys, makeKeys } from '../../scripts/lib/keys';
import { parseKeyring } from '../../src/crypto';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keys-'));
  file = join(folder, '.dev.vars');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('the Worker accepts the keys that the scripts make, under the name of the month', () => {
  const parsed = parseKeyring(makeKeys(new Date('2026-11-30T23:00:00Z')));
  expect(parsed).toMatchObject({ ok: true, value: { current: '2026-11' } });
});

it('new local keys can be read by nobody else on the computer', () => {
  expect(ensureLocalKeys(file)).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(parseKeyring(parseEnv(readFileSync(file, 'utf8')).GATEHOUSE_KEYS ?? '').ok).toBe(true);
});

it('keys that are there stay: other ones would end every sign-in', () => {
  ensureLocalKeys(file);
  const before = readFileSync(file, 'utf8');
  expect(ensureLocalKeys(file)).toBe(false);
  expect(readFileSync(file, 'utf8')).toBe(before);
});

it('what a developer wrote into the file stays, even without a newline at its end', () => {
  writeFileSync(file, 'OIDC_ACME_CLIENT_SECRET=abc');
  ensureLocalKeys(file);
  const vars = parseEnv(readFileSync(file, 'utf8'));
  expect(vars.OIDC_ACME_CLIENT_SECRET).toBe('abc');
  expect(parseKeyring(vars.GATEHOUSE_KEYS ?? '').ok).toBe(true);
});
