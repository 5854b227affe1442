/** Part of `npm run check`: imports run one way and never in a circle (the rules: `lib/imports.ts`). */
import { join } from 'node:path';
import { findViolations } from './lib/imports.ts';
import { ROOT } from './lib/wrangler.ts';

const violations = findViolations(process.argv[2] ?? join(ROOT, 'src'));
for (const violation of violations) console.error(violation);
console.log(`Imports: ${violations.length === 0 ? 'one way, no circles' : `${violations.length} to mend`}`);
process.exitCode = violations.length === 0 ? 0 : 1;
