// @ts-check

/** What the process ends with; `--help` lists them. */
export const EXIT = /** @type {const} */ ({
  ended: 0,
  usage: 1,
  noCredential: 2,
  refused: 3,
  unreachable: 4,
});

/** The end of the bridge: a code, and a sentence for the person. */
export class Ending extends Error {
  /**
   * @param {number} code one of {@link EXIT}
   * @param {string} says
   */
  constructor(code, says) {
    super(says);
    this.code = code;
  }
}
