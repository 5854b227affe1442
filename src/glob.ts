/** Whether text fits a glob: `*` stands for any characters but those in `except`; all else is itself. */
export function matchesGlob(
  text: string,
  glob: string,
  options: { except?: string; flags?: string } = {},
): boolean {
  const parts = glob.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const any = options.except === undefined ? '.*' : `[^${options.except}]*`;
  return new RegExp(`^${parts.join(any)}$`, `s${options.flags ?? ''}`).test(text);
}
