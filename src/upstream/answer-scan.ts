import { folded } from '../json-text';

/**
 * What an answer may be, as far as it has been read. `list`: it has a list of tools where clients look for one
 * (`result.tools`, in any spelling). `unreadable`: not one JSON object, so that it isn't known. `plain`: anything else,
 * also what no client accepts as a message.
 */
export type AnswerShape = 'plain' | 'list' | 'unreadable';

/** The meaning of a byte outside of strings: one of the characters below, part of a number or word, or none (0). */
const WORD = 1;
const BLANK = 2;
const MEANS = new Uint8Array(256);
for (const char of '{}[]:,"') MEANS[char.charCodeAt(0)] = char.charCodeAt(0);
for (const char of '+-.0123456789eEtrufalsn') MEANS[char.charCodeAt(0)] = WORD;
for (const char of ' \t\r\n') MEANS[char.charCodeAt(0)] = BLANK;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The longest name of a member that is compared, in bytes: an escaped letter has six. */
const LONGEST_KEY = 64;

type Where = 'before' | 'inside' | 'string' | 'after' | 'no message';

/**
 * Looks for a list of tools in a JSON text of any length while it passes, without keeping it. It follows only braces,
 * quotes, and the names of the members of `result`.
 */
export class AnswerScan {
  #shape: AnswerShape = 'plain';
  #position: Where = 'before';
  #depth = 0;
  /** The depth of the innermost open object that is the message or a `result` in it. */
  #chain = 0;
  /** Whether the next string in that object is the name of a member. */
  #expectsKey = false;
  /** The bytes of the name that is being read. */
  #key: number[] | undefined;
  #lastKey = '';
  /** Whether the next byte of a string is escaped. */
  #escaped = false;

  /** What the text may be, as far as it has been read. */
  get shape(): AnswerShape {
    return this.#shape;
  }

  /** What a whole text is. */
  static of(text: string): AnswerShape {
    const scan = new AnswerScan();
    scan.push(new TextEncoder().encode(text));
    return scan.shape;
  }

  /** Reads the next part of the text. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && this.#shape === 'plain' && this.#position !== 'no message') {
      if (this.#position === 'string') at = this.#skipString(bytes, at);
      else if (this.#depth > this.#chain) at = this.#skipValue(bytes, at);
      else at = this.#step(bytes, at);
    }
  }

  /** Skips to the next quote or the end of a value that can't have a list of tools, which is most of a long answer. */
  #skipValue(bytes: Uint8Array, from: number): number {
    let depth = this.#depth;
    let at = from;
    while (at < bytes.length && depth > this.#chain && this.#position === 'inside') {
      const means = MEANS[bytes[at++] ?? 0];
      if (means === OPEN_OBJECT || means === OPEN_ARRAY) depth++;
      else if (means === CLOSE_OBJECT || means === CLOSE_ARRAY) depth--;
      else if (means === QUOTE) this.#position = 'string';
      else if (means === 0) {
        this.#shape = 'unreadable';
        break;
      }
    }
    this.#depth = depth;
    return at;
  }

  /** Reads up to the next quote, outside of strings. */
  #step(bytes: Uint8Array, from: number): number {
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      const means = MEANS[byte];
      if (means === BLANK) continue;
      if (this.#position === 'before') {
        if (this.#begin(byte)) continue;
        return bytes.length;
      }
      if (this.#position === 'after' || means === 0) {
        this.#shape = 'unreadable';
        return bytes.length;
      }
      if (means === WORD) continue;
      if (means === QUOTE) {
        this.#position = 'string';
        this.#key = this.#expectsKey ? [] : undefined;
        return at + 1;
      }
      this.#structure(byte);
      if (this.#depth > this.#chain) return at + 1;
    }
    return bytes.length;
  }

  /**
   * A message is an object. An array may contain messages; a text that starts with a letter, digit, or quote is none.
   */
  #begin(byte: number): boolean {
    if (byte === OPEN_OBJECT) {
      this.#position = 'inside';
      this.#structure(byte);
      return true;
    }
    if (byte === OPEN_ARRAY || byte < 0x20 || byte > 0x7e) this.#shape = 'unreadable';
    else this.#position = 'no message';
    return false;
  }

  #structure(byte: number): void {
    if (byte === OPEN_OBJECT) {
      const follows = this.#depth === 0 || this.#lastKey === 'result';
      this.#depth++;
      if (follows) this.#chain = this.#depth;
      this.#expectsKey = true;
    } else if (byte === OPEN_ARRAY) this.#depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      this.#depth--;
      this.#chain = Math.min(this.#chain, this.#depth);
      this.#expectsKey = false;
      if (this.#depth === 0) this.#position = 'after';
    } else if (byte === COMMA) this.#expectsKey = true;
    else if (byte === COLON) this.#expectsKey = false;
  }

  /** Skips to after the end of a string, which may be in a later part. */
  #skipString(bytes: Uint8Array, from: number): number {
    let at = from;
    if (this.#escaped) {
      this.#escaped = false;
      at++;
    }
    for (;;) {
      const end = indexOfQuote(bytes, at);
      let escapes = end;
      while (escapes > at && bytes[escapes - 1] === BACKSLASH) escapes--;
      const escaped = (end - escapes) % 2 === 1;
      at = end + 1;
      if (end === bytes.length) this.#escaped = escaped;
      else if (escaped) continue;
      if (this.#key) this.#keep(bytes.subarray(from, end));
      if (end < bytes.length) this.#endString();
      return at;
    }
  }

  #keep(part: Uint8Array): void {
    if (this.#key && this.#key.length <= LONGEST_KEY) this.#key.push(...part.subarray(0, LONGEST_KEY + 1));
  }

  #endString(): void {
    this.#position = 'inside';
    if (!this.#key) return;
    this.#lastKey = this.#key.length > LONGEST_KEY ? '' : readKey(this.#key);
    this.#key = undefined;
    if (this.#lastKey === 'tools' && this.#chain > 1) this.#shape = 'list';
  }
}

/** The number of bytes that are searched one by one, before `indexOf` is faster. */
const NEAR = 32;

/** The index of the next quote; the length when there is none. */
function indexOfQuote(bytes: Uint8Array, from: number): number {
  const near = Math.min(bytes.length, from + NEAR);
  for (let at = from; at < near; at++) if (bytes[at] === QUOTE) return at;
  const found = near < bytes.length ? bytes.indexOf(QUOTE, near) : -1;
  return found === -1 ? bytes.length : found;
}

/** A member's name, folded as in `json-text.ts`, because some readers ignore case. Empty when it can't be read. */
function readKey(bytes: number[]): string {
  try {
    const text = new TextDecoder().decode(Uint8Array.from(bytes));
    return folded(JSON.parse(`"${text}"`) as string);
  } catch {
    return '';
  }
}
