/** Whose trees. `id` goes into keys and tokens, where the library allows no colon. */
export interface Account {
  id: string;
  name: string;
}

export const LONGEST_NAME = 40;

/**
 * The account that somebody names: there is no password, and who names it first has it. Case and outer white
 * space make no other account. Undefined without a name, or with more than {@link LONGEST_NAME} characters.
 */
export function readAccount(text: string): Account | undefined {
  const name = text
    .toWellFormed()
    .normalize('NFC')
    .replace(/\p{Cc}/gu, ' ')
    .trim();
  if (name === '' || name.length > LONGEST_NAME) return undefined;
  return { id: encodeURIComponent(name.toLowerCase()), name };
}
