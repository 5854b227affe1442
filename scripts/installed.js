// Runs before the other commands, on whatever Node is there: until the packages are installed, the Node
// that can read TypeScript isn't.
import { existsSync } from 'node:fs';

if (!existsSync(new URL('../node_modules/wrangler/package.json', import.meta.url))) {
  console.error('The packages are not installed yet. Run this first: npm ci');
  process.exit(1);
}
