// @ts-check

/** @type {Set<string>} */
const secrets = new Set();

/**
 * From now on these are never shown, whoever repeats them.
 * @param {readonly string[]} values
 */
export function keepSecret(values) {
  // What is shorter is no secret, and would blot out half of every sentence.
  for (const value of values) if (value.length >= 8) secrets.add(value);
}

/**
 * A text that may be shown: without secrets, and without what would move a terminal's cursor or hide words.
 * @param {string} text
 */
export function shown(text) {
  let safe = text;
  for (const secret of secrets) safe = safe.replaceAll(secret, '[secret]');
  return safe.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => (char === '\n' ? char : ' '));
}

/**
 * Writes for the person: on stderr, since stdout is the protocol's.
 * @param {string} text
 */
export function say(text) {
  process.stderr.write(`gatehouse-stdio: ${shown(text)}\n`);
}
