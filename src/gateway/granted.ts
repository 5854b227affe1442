/** How often an open stream asks whether it may go on, in ms. */
const CHECK_MS = 20_000;

/**
 * A stream that ends when what it was opened with is revoked. `stands` asks whether it still holds; back-pressure
 * and cancellation reach the source.
 */
export function whileGranted(
  source: ReadableStream<Uint8Array>,
  stands: () => Promise<boolean>,
  checkMs = CHECK_MS,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(async () => {
        // Whoever can't be asked now is asked again.
        if (await stands().catch(() => true)) return;
        clearInterval(timer);
        try {
          await reader.cancel('revoked');
          controller.close();
        } catch {
          // It ended by itself meanwhile.
        }
      }, checkMs);
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          clearInterval(timer);
          controller.close();
        } else controller.enqueue(value);
      } catch (error) {
        clearInterval(timer);
        controller.error(error);
      }
    },
    async cancel(reason) {
      clearInterval(timer);
      await reader.cancel(reason);
    },
  });
}

/**
 * The same for an answer that nobody looks into: the bytes are piped by the runtime, and none of them becomes
 * an object here, however many they are. `stop` breaks the source off.
 */
export function pipeWhileGranted(
  source: ReadableStream<Uint8Array>,
  stands: () => Promise<boolean>,
  stop: () => void,
  checkMs = CHECK_MS,
): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream();
  const timer = setInterval(async () => {
    if (!(await stands().catch(() => true))) stop();
  }, checkMs);
  source
    .pipeTo(writable)
    // Broken off at either end: there is nothing left to do for it.
    .catch(() => undefined)
    .finally(() => clearInterval(timer));
  return readable;
}
