/** The owner of trees. `id` is part of keys and tokens, where the library allows no colon. */
export interface Account {
  id: string;
  name: string;
}

export const LONGEST_NAME = 40;

/**
 * The account with a name. There are no passwords, and anyone can use any account. Case and surrounding white space
 * don't matter. Undefined for an empty name, or one with more than {@link LONGEST_NAME} characters.
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
