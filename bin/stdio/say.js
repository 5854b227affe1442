// @ts-check

/** @type {Set<string>} */
const secrets = new Set();

/**
 * From now on, these are removed from anything that is shown.
 * @param {readonly string[]} values
 */
export function keepSecret(values) {
  // Anything shorter isn't a secret, and hiding it would make messages unreadable.
  for (const value of values) if (value.length >= 8) secrets.add(value);
}

/**
 * A text that can be shown: without secrets, and without characters that move the cursor or hide text.
 * @param {string} text
 */
export function shown(text) {
  let safe = text;
  for (const secret of secrets) safe = safe.replaceAll(secret, '[secret]');
  return safe.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => (char === '\n' ? char : ' '));
}

/**
 * Writes to the person, on stderr, since stdout carries the protocol.
 * @param {string} text
 */
export function say(text) {
  process.stderr.write(`gatehouse-stdio: ${shown(text)}\n`);
}
