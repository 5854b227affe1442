import { joinBytes } from '../http';
import { memberText, withMembers } from '../json-members';
import { folded, isObject, parseJsonText } from '../json-text';
import { AnswerScan, type AnswerShape } from './answer-scan';
import { readTools, type Tool } from './policy';

/** What becomes of an answer. `id`: whose answer it is, if that can be told. */
export type Filtered =
  | { kind: 'pass' }
  | { kind: 'changed'; text: string }
  | { kind: 'refused'; id: string | number | undefined };

export interface AnswerFilter {
  /** Whether tools were asked for: then what can't be understood as a list of them isn't shown. */
  wantsTools: boolean;
  /** The text of the tool as the client may see it; undefined: not at all. */
  publish(tool: Tool): string | undefined;
  /** Gets the names of tools that no client could show. */
  onLeftOut?(names: string[]): void;
}

/**
 * What a client may see of a message of a server's. A list of tools is filtered wherever it comes, since clients take
 * an answer by its id, on any stream; and one that can't be understood, or that readers could understand in two
 * ways, isn't shown.
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
  // Who asked for something else may have asked for words.
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

/** The beginning of a body. `rest`: what is to come, when it is longer than was read; `broken`: it broke off. */
export interface Head {
  bytes: Uint8Array;
  rest: ReadableStreamDefaultReader<Uint8Array> | undefined;
  broken: boolean;
}

/** Reads a body until it ends, or is longer than `maxBytes`. */
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

const UNDER_WAY_MS = 100;

/**
 * A JSON answer on its way through that is long or broke off, looked at as it passes: it is broken off before its end
 * where it turns out to have a list of tools, and half a JSON text is none. Undefined when its beginning has one.
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
        // What came is on its way first: a break before it would look like one of the gate's own.
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
