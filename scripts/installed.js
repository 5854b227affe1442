// Runs before other commands, with any version of Node: the Node that can run TypeScript is itself one of the packages.
import { existsSync } from 'node:fs';

if (!existsSync(new URL('../node_modules/wrangler/package.json', import.meta.url))) {
  console.error('The packages aren’t installed yet. First run: npm ci');
  process.exit(1);
}
