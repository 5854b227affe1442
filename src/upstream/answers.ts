import { joinBytes } from '../http';
import { memberText, withMembers } from '../json-members';
import { folded, isObject, parseJsonText } from '../json-text';
import { AnswerScan, type AnswerShape } from './answer-scan';
import { readTools, type Tool } from './policy';

/**
 * What is done with an answer: pass it unchanged, send the changed text, or refuse it. `id`: of its request, if
 * known.
 */
export type Filtered =
  | { kind: 'pass' }
  | { kind: 'changed'; text: string }
  | { kind: 'refused'; id: string | number | undefined };

/** How answers are filtered for one principal. */
export interface AnswerFilter {
  /** Whether the request was `tools/list`: then an answer that can't be read as a list of tools is refused. */
  wantsTools: boolean;
  /** The JSON of a tool as the client may see it; undefined: the client may not see it. */
  publish(tool: Tool): string | undefined;
  /** Gets the names of tools that no client can show, which are left out. */
  onLeftOut?(names: string[]): void;
}

/**
 * Filters a message of a server for a client. A list of tools is filtered on every stream, because clients assign an
 * answer by its id alone. A message that can't be read, or that readers may read in two ways, is refused.
 *
 * @param text the JSON text of the message
 * @param shape of the same text, by `AnswerScan`
 */
export function filterAnswer(text: string, shape: AnswerShape, filter: AnswerFilter): Filtered {
  if (shape === 'plain' && !filter.wantsTools) return { kind: 'pass' };
  const parsed = parseJsonText(text);
  if (!parsed.ok || !isObject(parsed.value)) return { kind: 'refused', id: undefined };
  const message = parsed.value;
  const id = typeof message.id === 'string' || typeof message.id === 'number' ? message.id : undefined;
  const refused: Filtered = { kind: 'refused', id };
  if (isMisspelt(message, ['result', 'error', 'id', 'method'])) return refused;
  // `null` counts as absent.
  if (message.result === undefined || message.result === null) {
    const isOther = isObject(message.error) || typeof message.method === 'string';
    return isOther && shape !== 'unreadable' ? { kind: 'pass' } : refused;
  }
  if (!isObject(message.result) || isMisspelt(message.result, ['tools', 'result'])) return refused;
  const { result, ...rest } = message.result;
  // The result of another request may have `tools` that are only strings.
  if (!filter.wantsTools && result === undefined && !couldBeTools(rest.tools)) return { kind: 'pass' };
  const read = readTools(rest.tools, memberText(text, 'result', 'tools') ?? '');
  if (result !== undefined || !read) return refused;
  if (read.leftOut.length > 0) filter.onLeftOut?.(read.leftOut);
  const published = read.tools.map((tool) => filter.publish(tool)).filter((tool) => tool !== undefined);
  const changed = withMembers(memberText(text, 'result') ?? '', {
    tools: `[${published.join(',')}]`,
    ...(rest.cacheScope === undefined ? {} : { cacheScope: '"private"' }),
    // `null` counts as absent.
    ...(rest.nextCursor === null ? { nextCursor: undefined } : {}),
  });
  return { kind: 'changed', text: withMembers(text, { result: changed }) };
}

function couldBeTools(tools: unknown): boolean {
  const entries = Array.isArray(tools) ? tools : [tools];
  return entries.some((entry) => typeof entry === 'object' && entry !== null);
}

function isMisspelt(value: Record<string, unknown>, names: string[]): boolean {
  return Object.keys(value).some((name) => !names.includes(name) && names.includes(folded(name)));
}

/** The start of a body. `rest`: reads the rest, if the body is longer; `broken`: the body broke off. */
export interface Head {
  bytes: Uint8Array;
  rest: ReadableStreamDefaultReader<Uint8Array> | undefined;
  broken: boolean;
}

/** Reads a body until it ends, breaks off, or is longer than `maxBytes`. Doesn't throw. */
export async function readHead(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Head> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (length <= maxBytes) {
      const { done, value } = await reader.read();
      if (done) return { bytes: joinBytes(chunks), rest: undefined, broken: false };
      chunks.push(value);
      length += value.length;
    }
  } catch {
    return { bytes: joinBytes(chunks), rest: undefined, broken: true };
  }
  return { bytes: joinBytes(chunks), rest: reader, broken: false };
}

/** How long the start of a broken body has to reach the client, in ms. */
const UNDER_WAY_MS = 100;

/**
 * Passes a JSON answer that is long or broke off, and scans it meanwhile. If a list of tools appears in it, the stream
 * errors before its end, so that no client gets a complete JSON text. Undefined when the start already has such a list.
 */
export function passScanned({ bytes, rest }: Head): ReadableStream<Uint8Array> | undefined {
  const scan = new AnswerScan();
  scan.push(bytes);
  if (scan.shape !== 'plain') return undefined;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
    },
    async pull(controller) {
      if (!rest) {
        // The start should arrive first: an error before it would look like an error of the gate.
        await scheduler.wait(UNDER_WAY_MS);
        return controller.error(new Error('the server broke its answer off'));
      }
      const { done, value } = await rest.read();
      if (done) return controller.close();
      scan.push(value);
      if (scan.shape === 'plain') return controller.enqueue(value);
      controller.error(new Error('an answer that is too long to be judged could be a list'));
      await rest.cancel('it could be a list of tools').catch(() => undefined);
    },
    cancel: (reason) => rest?.cancel(reason),
  });
}
