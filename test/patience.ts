/*
 * How long a test waits before it fails: all such limits of both halves. They are for what hangs, not for what is
 * slow: a test goes on as soon as what it waits for is there, so that they cost nothing while all is well, and
 * they fit a machine at a quarter of the speed that does something else as well.
 */

/** ms for a test, and for a hook: the longest restarts a gate a few times. */
export const TEST_LIMIT = 300_000;

/** ms for one thing that a test waits for: far below {@link TEST_LIMIT}, so that the message says which. */
export const STEP_LIMIT = 90_000;

/** ms between two looks at a condition of which no event tells. */
export const LOOK_INTERVAL = 20;

/** What both halves of the tests are configured with: tests, hooks, and `expect.poll`. */
export const patience = {
  testTimeout: TEST_LIMIT,
  hookTimeout: TEST_LIMIT,
  expect: { poll: { timeout: STEP_LIMIT, interval: LOOK_INTERVAL } },
};

/** Waits until `find` finds something; throws what `problem` says when it hasn't within {@link STEP_LIMIT}. */
export async function found<T>(find: () => T | undefined, problem: () => string): Promise<T> {
  const deadline = Date.now() + STEP_LIMIT;
  for (;;) {
    const one = find();
    if (one !== undefined) return one;
    if (Date.now() > deadline) throw new Error(problem());
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL));
  }
}
