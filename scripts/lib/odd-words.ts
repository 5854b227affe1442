/*
 * Words that this code base doesn't use: rare or old words, and names that mean something only here. The field's own
 * words (OAuth, MCP, Workers) are used instead.
 */

/** In any text, in any case: comments, messages, pages, and documentation. */
const WORDS = [
  // Rare, old, or British.
  ...['anew', 'lest', 'thereby', 'whilst', 'amongst', 'whoever', 'whomever', 'whosoever', 'heretofore'],
  ...['mend', 'mends', 'mended', 'mending', 'told', 'beside', 'by choice', 'of its own accord'],
  ...['save for', 'save that', 'is to be had', 'are to be had', 'what is said of'],
  ...['colour', 'behaviour', 'favour', 'honour', 'centre', 'organisation', 'licence'],
  // This project's own, for: layer, public API, shared, instead of.
  ...['room', 'rooms', 'kernel', 'the face of', 'stand-in', 'stands in for'],
];

/** As identifiers in code, in exactly this form: names that a newcomer would have to look up. */
const NAMES = new Set([
  ...['Site', 'siteOf', 'siteAt', 'Work', 'Place', 'place', 'Desk', 'Belonging', 'Belongings', 'Elsewhere'],
  ...['Moves', 'lookAfter', '#settle', '#where', 'Passage', 'Behind', 'Greeting', 'Ears', 'heard', 'told'],
  ...['course', 'Terms', 'Presentation', 'presentAsLasting', 'NOBODY', 'whoDecides', 'mustComeFromUs'],
]);

const PATTERN = new RegExp(`\\b(?:${WORDS.join('|').replaceAll(' ', '\\s+')})\\b`, 'gi');

/** The odd words in a text, in its order, in lower case. */
export function oddWordsIn(text: string): string[] {
  return [...text.matchAll(PATTERN)].map(([word]) => word.toLowerCase().replace(/\s+/g, ' '));
}

/** Whether an identifier is an odd name. A private one begins with `#`. */
export function isOddName(identifier: string): boolean {
  return NAMES.has(identifier);
}
