/*
 * `npm run figures`: how readable `src` is, in numbers. Prints one line per figure.
 * With `-- --list`, also prints what each figure counted.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { measure } from './lib/figures.ts';
import { ROOT } from './lib/wrangler.ts';

const list = process.argv.includes('--list');

function readTree(folder: string, pattern: RegExp): Map<string, string> {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  const wanted = files.filter((file) => pattern.test(file) && !file.endsWith('.d.ts')).sort();
  return new Map(wanted.map((file) => [`${folder}/${file}`, readFileSync(join(ROOT, folder, file), 'utf8')]));
}

const source = readTree('src', /\.tsx?$/);
const prose = new Map([...source, ...readTree('docs', /\.md$/)]);
prose.set('README.md', readFileSync(join(ROOT, 'README.md'), 'utf8'));

for (const { name, value, found } of measure(source, prose)) {
  console.log(`${name.padEnd(52)} ${value}`);
  if (list) for (const one of found) console.log(`    ${one}`);
}
