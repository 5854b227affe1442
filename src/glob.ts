/**
 * Whether text fits a glob: `*` stands for any characters, all else is itself. In time linear in both for each `*`,
 * since the earliest place of a part is never worse than a later one: nothing is tried twice.
 */
export function matchesGlob(text: string, glob: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  const last = rest.pop();
  if (last === undefined) return text === glob;
  const end = text.length - last.length;
  if (first.length > end || !text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/**
 * Whether an address fits a glob in which no `*` reaches over the `@`, so that `*@acme.com` is no other domain's.
 * The case of ASCII letters doesn't count.
 */
export function matchesEmailGlob(email: string, glob: string): boolean {
  const [parts, globs] = [email, glob].map((text) => lowerAscii(text).split('@')) as [string[], string[]];
  return parts.length === globs.length && parts.every((part, index) => matchesGlob(part, globs[index] ?? ''));
}

/** Letters beyond ASCII stay as they are: some have a lower case that is another letter's (the Kelvin sign's is k). */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
