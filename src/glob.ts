/**
 * Whether text matches a glob: `*` stands for any characters, anything else for itself. Takes linear time for each `*`,
 * without backtracking, since the earliest match of a part is never worse than a later one.
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
 * Whether an email address matches a glob. A `*` never matches the `@`, so that `*@acme.com` matches no other domain.
 * The case of ASCII letters is ignored.
 */
export function matchesEmailGlob(email: string, glob: string): boolean {
  const [parts, globs] = [email, glob].map((text) => lowerAscii(text).split('@')) as [string[], string[]];
  return parts.length === globs.length && parts.every((part, index) => matchesGlob(part, globs[index] ?? ''));
}

/**
 * Letters beyond ASCII stay as they are, since the lower case of some is another letter (that of the Kelvin sign is k).
 */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
