// @ts-check

/** Exit codes of the process, which `--help` lists. */
export const EXIT = /** @type {const} */ ({
  ended: 0,
  usage: 1,
  noCredential: 2,
  refused: 3,
  unreachable: 4,
});

/** Ends the bridge, with an exit code and a message for the person. */
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
