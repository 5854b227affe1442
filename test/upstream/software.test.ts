import { expect, test } from 'vitest';
import { version } from '../../package.json';
import { SOFTWARE } from '../../src/upstream/software';

test('servers and clients get the released version', () => {
  expect(SOFTWARE.version).toBe(version);
});
