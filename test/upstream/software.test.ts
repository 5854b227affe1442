import { expect, test } from 'vitest';
import { version } from '../../package.json';
import { SOFTWARE } from '../../src/upstream/software';

test('servers and clients are told the version that is released', () => {
  expect(SOFTWARE.version).toBe(version);
});
