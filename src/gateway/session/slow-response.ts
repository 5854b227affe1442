/** How long an answer may take before its stream starts without it, and then until the first comment, in ms. */
const LATE_MS = 500;
/**
 * The longest interval between comments, in ms. They keep proxies from closing the stream, and show that a client
 * left.
 */
const KEEP_ALIVE_MS = 15_000;

const STILL_HERE = new TextEncoder().encode(': still here\n\n');

/** Whether a response is a stream of events. */
export function isStream(
  response: Response,
): response is Response & { body: ReadableStream<Uint8Array<ArrayBuffer>> } {
  return (
    response.body !== null && (response.headers.get('content-type') ?? '').startsWith('text/event-stream')
  );
}

/**
 * A JSON-RPC answer that may take long. If it doesn't arrive within half a second, the response becomes a stream of
 * events that starts at once and ends with the answer. So no proxy times out while it waits for the first byte, and
 * the gate notices when the client closes the stream, which is how it cancels a request (MCP 2026-07-28).
 *
 * @param gone called when the client closes the stream
 */
export async function inStream(answer: Promise<Response>, gone: () => void): Promise<Response> {
  const soon = await Promise.race([answer, scheduler.wait(LATE_MS)]);
  if (soon) return soon;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const say = (again: number) => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(STILL_HERE);
        timer = setTimeout(say, again, Math.min(again * 2, KEEP_ALIVE_MS));
      };
      say(LATE_MS);
    },
    async pull(controller) {
      try {
        reader ??= (await eventsOf(await answer)).getReader();
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      clearTimeout(timer);
    },
    async cancel(reason) {
      clearTimeout(timer);
      gone();
      await reader?.cancel(reason);
    },
  });
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' };
  return new Response(body, { headers });
}

async function eventsOf(answer: Response): Promise<ReadableStream<Uint8Array>> {
  if (isStream(answer)) return answer.body;
  const event = new TextEncoder().encode(`event: message\ndata: ${await answer.text()}\n\n`);
  return new ReadableStream({
    start(controller) {
      controller.enqueue(event);
      controller.close();
    },
  });
}
