/**
 * A sentence with values from outside in it (a client's name, an address). The words stay in this folder, and each
 * value still gets an element of its own, so that a name in another writing direction can't reorder the words around
 * it.
 */
export interface Sentence {
  text: readonly string[];
  values: readonly string[];
}

const LONGEST_NAME = 80;
/** Long enough for every host name (253 characters, RFC 1035): a shortened one could be mistaken for another. */
const LONGEST_VALUE = 300;
const segmenter = new Intl.Segmenter();

/**
 * Template tag: `` say`${client} wants to use ${name}’s tools` ``. Each value is made fit for a page by {@link shown}.
 */
export function say(text: TemplateStringsArray, ...values: string[]): Sentence {
  return { text, values: values.map((value) => shown(value, LONGEST_VALUE)) };
}

/** The sentence as text, for where no elements can be (`<title>`). */
export function plain({ text, values }: Sentence): string {
  return text.map((part, index) => part + (values[index] ?? '')).join('');
}

/** The sentence on a page, each value in a `<bdi>`. */
export function Say({ sentence }: { sentence: Sentence }) {
  return (
    <>
      {sentence.text.map((part, index) => {
        const value = sentence.values[index];
        return (
          <>
            {part}
            {value === undefined ? null : <bdi>{value}</bdi>}
          </>
        );
      })}
    </>
  );
}

/**
 * A name from outside as a page may show it: without control characters, direction overrides, and long runs of
 * combining marks, which would cover other lines; at most `longest` characters.
 */
export function shown(name: string, longest = LONGEST_NAME): string {
  const calm = name
    .slice(0, longest * 8)
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(/(\p{M}{3})\p{M}+/gu, '$1')
    .replace(/\s+/g, ' ')
    .trim();
  const characters = Array.from(calm);
  return characters.length <= longest ? calm : `${characters.slice(0, longest - 1).join('')}…`;
}

/** The first character of a name as a reader sees it: an emoji of several code points is one. */
export function initialOf(name: string): string {
  const [first] = segmenter.segment(shown(name));
  return first?.segment.toUpperCase() ?? '?';
}
