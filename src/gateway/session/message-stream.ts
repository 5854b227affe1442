/**
 * A response to one request: JSON when the answer is the only message; else a stream of events with what the server
 * sends before the answer, and then the answer (MCP, "Streamable HTTP").
 */
export class MessageStream {
  readonly #encoder = new TextEncoder();
  readonly #begun: Promise<void>;
  #begin: () => void = () => undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #body: ReadableStream<Uint8Array> | undefined;

  constructor() {
    this.#begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  /** Adds a message before the answer. Dropped when the client has gone. */
  write(text: string): void {
    this.#body ??= new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    try {
      this.#controller?.enqueue(this.#event(text));
    } catch {
      // The client has gone.
    }
    this.#begin();
  }

  /**
   * The response, as soon as its form is known. `answer`: the JSON-RPC answer as text; the stream breaks if it
   * rejects.
   */
  async response(answer: Promise<string>): Promise<Response> {
    const first = await Promise.race([answer, this.#begun]);
    if (!this.#body) return new Response(first ?? (await answer), { headers: JSON_HEADERS });
    const end = async () => {
      this.write(await answer);
      this.#controller?.close();
    };
    void end().catch((error: unknown) => this.#controller?.error(error));
    return new Response(this.#body, { headers: STREAM_HEADERS });
  }

  #event(text: string): Uint8Array {
    const lines = text.split(/\r\n|\n|\r/).map((line) => `data: ${line}\n`);
    return this.#encoder.encode(`event: message\n${lines.join('')}\n`);
  }
}

const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' };
const STREAM_HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-store, no-transform' };
