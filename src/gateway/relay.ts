import { siteOf } from '../site';
import { mediaType } from './browser-request';
import { readText } from './catalogue';
import { rewriteEvents } from './events';
import { pipeWhileGranted, watchOver, whileGranted } from './granted';
import type { Message } from './message';
import { fault, forgetServerTools, type Passage } from './passage';
import { answerType, saysEnough } from './passed-headers';
import { publishTool, type Tool } from './policy';
import { accountAt } from './server-credentials';
import { sealSessionId } from './session-id';
import { returnedHeaders } from './upstream';

/** Events longer than this are not looked at, save where a list may be: tool results of any size pass. */
const GLANCE_BYTES = 64 * 1024;

/** The server's answer as the client gets it. */
export async function answerFrom(
  passage: Passage,
  message: Message | undefined,
  answer: Response,
): Promise<Response> {
  if (answer.status === 401 || answer.status === 403) {
    await answer.body?.cancel();
    return fault(passage, 'server_refuses_gate', message, `${answer.status}`);
  }
  const type = answerType(answer);
  const headers = returnedHeaders(answer.headers);
  const session = answer.headers.get('mcp-session-id');
  if (session !== null && message?.era !== 'modern') {
    // Servers repeat the id on every answer; to the client it is one and the same.
    const known = session === passage.session?.id ? passage.c.req.header('mcp-session-id') : undefined;
    const sealed = known ?? (await sealHere(passage, session));
    headers.set('mcp-session-id', sealed);
  }
  const init = { status: answer.status, headers };
  if (passage.c.req.method === 'DELETE' && answer.ok) {
    await answer.body?.cancel();
    return new Response(null, { status: 204 });
  }
  if (type === 'text/event-stream' && answer.body) {
    const { c, principal, server } = passage;
    const watch = watchOver(c, principal, { server, call: message?.id !== undefined && !listens(message) });
    const events = isWatched(message)
      ? whileGranted(answer.body.pipeThrough(watchEvents(passage, message)), watch)
      : pipeWhileGranted(answer.body, watch, () => passage.stop.abort());
    return new Response(events, init);
  }
  if (type === 'application/json' && answer.body) {
    if (message?.method !== 'tools/list') return new Response(answer.body, init);
    return filterJson(passage, message, answer.body, init);
  }
  await answer.body?.cancel();
  // 202 for a notification, or a refusal that says enough by its status: 405 where there is no stream, 404
  // where a session has ended.
  if (saysEnough(answer.status)) return new Response(null, init);
  return fault(passage, 'server_not_mcp', message, `${answer.status} ${mediaType(answer)}`);
}

async function sealHere({ c, server, principal, owner }: Passage, session: string): Promise<string> {
  const site = siteOf(c);
  return sealSessionId(site, owner, session, await accountAt(site, principal, server));
}

/**
 * Whether a stream can hold a list of tools or the word that they changed: the client's own stream, what it
 * listens to, a list. The answer of a call passes unseen, however large.
 */
function isWatched(message: Message | undefined): boolean {
  return message === undefined || ['tools/list', 'subscriptions/listen'].includes(message.method ?? '');
}

function listens(message: Message): boolean {
  return message.method === 'subscriptions/listen';
}

async function filterJson(
  passage: Passage,
  message: Message,
  body: ReadableStream<Uint8Array>,
  init: { status: number; headers: Headers },
): Promise<Response> {
  let text: string;
  try {
    text = await readText(body, passage.server.max_list_bytes);
  } catch {
    return fault(passage, 'server_list_too_large', message);
  }
  return new Response(filterTools(passage, text) ?? text, init);
}

/**
 * Filters the tool lists in a stream, and notes when the server says that its tools changed. A client's own
 * stream may replay a list that it missed, so it is held to what a list may be long too.
 */
function watchEvents(
  passage: Passage,
  message: Message | undefined,
): TransformStream<Uint8Array, Uint8Array> {
  const mayList = message === undefined || message.method === 'tools/list';
  const limits = mayList
    ? { maxBytes: passage.server.max_list_bytes, tooLong: 'fail' as const }
    : { maxBytes: GLANCE_BYTES, tooLong: 'pass' as const };
  return rewriteEvents(limits, (data) => {
    if (data.includes('notifications/tools/list_changed')) forgetServerTools(passage);
    return mayList ? filterTools(passage, data) : undefined;
  });
}

/** A JSON-RPC answer whose result is a tool list, for this principal; undefined for any other message. */
function filterTools({ server, principal }: Passage, text: string): string | undefined {
  const message = parseObject(text);
  const result = message?.result as { tools?: unknown; cacheScope?: unknown } | undefined;
  if (!Array.isArray(result?.tools)) return undefined;
  const tools = result.tools
    .filter((tool: Partial<Tool> | null): tool is Tool => typeof tool?.name === 'string')
    .map((tool) => publishTool(tool, server, principal))
    .filter((tool) => tool !== undefined);
  const cacheScope = result.cacheScope === undefined ? {} : { cacheScope: 'private' };
  return JSON.stringify({ ...message, result: { ...result, tools, ...cacheScope } });
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
