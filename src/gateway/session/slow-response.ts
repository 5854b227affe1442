/** How long an answer may take before its stream begins without it, in ms; so much later it says that it is there. */
const LATE_MS = 500;
/** How often it says so at last, in ms: proxies cut what is silent, and who left is noticed by writing to them. */
const KEEP_ALIVE_MS = 15_000;

const STILL_HERE = new TextEncoder().encode(': still here\n\n');

export function isStream(
  response: Response,
): response is Response & { body: ReadableStream<Uint8Array<ArrayBuffer>> } {
  return (
    response.body !== null && (response.headers.get('content-type') ?? '').startsWith('text/event-stream')
  );
}

/**
 * A JSON-RPC answer that may take long. One that isn't there soon becomes a stream of events, which
 * begins at once and ends with the answer: nothing on the way gives up waiting for a first byte, and a client that
 * closes the stream is noticed, which is how it cancels (MCP 2026-07-28). Then `gone` is called.
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
