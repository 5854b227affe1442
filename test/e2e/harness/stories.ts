/** What is done just before the crash, such as to send what it shall interrupt; unset: nothing. */
type Before = () => Promise<void>;

/** Waits for the next crash. */
export type Crash = (before?: Before) => Promise<void>;

/**
 * Stories that are told side by side, in tests that run concurrently, and have their crashes in common: each comes
 * when every story that isn't over waits for one. A crash is some seconds of starting again.
 */
export function sharingCrashes(crash: () => Promise<void>) {
  let under = 0;
  let waiting: { before: Before; after: PromiseWithResolvers<void> }[] = [];
  const look = async () => {
    if (waiting.length === 0 || waiting.length < under) return;
    const all = waiting;
    waiting = [];
    try {
      await Promise.all(all.map(({ before }) => before()));
      await crash();
      for (const { after } of all) after.resolve();
    } catch (error) {
      for (const { after } of all) after.reject(error);
    }
  };
  return async (tell: (crash: Crash) => Promise<void>): Promise<void> => {
    under += 1;
    try {
      await tell((before = async () => {}) => {
        const after = Promise.withResolvers<void>();
        waiting.push({ before, after });
        void look();
        return after.promise;
      });
    } finally {
      under -= 1;
      void look();
    }
  };
}
