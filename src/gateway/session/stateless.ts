import { ProtocolError, type ServerContext, type SubscriptionFilter } from '@modelcontextprotocol/server';
import { createMcpHandler } from 'agents/mcp/server';
import type { Context } from 'hono';
import { deploymentOf } from '../../config';
import { isObject } from '../../json-text';
import {
  type Principal,
  passingView,
  resultFor,
  type ServerAnswer,
  ServerFailure,
  type View,
} from '../../upstream';
import { admitMergedCall } from '../aggregate/admit';
import { failedResult } from '../aggregate/failed-call';
import type { ClientRequest } from '../aggregate/forward';
import { complete, getPrompt, readResource } from '../aggregate/items';
import { RawResults } from '../aggregate/raw-results';
import { type Called, gateServer } from '../aggregate/server';
import { callMerged } from '../aggregate/tools';
import { acceptsAnswers, notAcceptable, spelledOut } from '../request/accept';
import { watchOver, whileGranted } from '../request/grant-watch';
import type { Message } from '../request/message';
import { MessageStream } from './message-stream';
import { inStream, isStream } from './slow-response';
import { feedSubscription } from './subscribe';

/** Serves a request without a session: of the 2026 era, or of the 2025 era without a session id. */
export async function serveStateless(c: Context, principal: Principal, message: Message): Promise<Response> {
  const meta = isObject(message.params._meta) ? message.params._meta : {};
  const view = passingView(c, principal, { meta, prefers: message.era });
  const called = await admitMergedCall(view, message);
  if (called instanceof Response) return called;
  return (await serveForwarded(c, view, message, called)) ?? serveOwn(c, view, message, called);
}

/** Serves a request that an upstream server answers, unchanged. Undefined when the gate answers it itself. */
async function serveForwarded(
  c: Context,
  view: View,
  message: Message,
  called: Called | undefined,
): Promise<Response | undefined> {
  const answer = answerer(message.method, called);
  if (!answer || message.id === undefined) return undefined;
  if (!acceptsAnswers(c.req.raw.headers)) return notAcceptable();
  const gone = new AbortController();
  const stream = new MessageStream();
  const request: ClientRequest = {
    text: new TextDecoder().decode(message.withoutNulls),
    era: message.era,
    method: message.method ?? '',
    signal: AbortSignal.any([c.req.raw.signal, gone.signal]),
    onMessage: ({ text }) => stream.write(text),
  };
  const response = await inStream(
    stream.response(answer(view, request).catch((error: unknown) => errorText(error, message.id))),
    () => gone.abort(),
  );
  if (!isStream(response)) return response;
  const watch = watchOver(c, view.principal, { call: true });
  return new Response(whileGranted(response.body, watch), response);
}

type Answerer = (view: View, request: ClientRequest) => Promise<string>;

const BY_METHOD: Record<string, (view: View, request: ClientRequest) => Promise<ServerAnswer>> = {
  'prompts/get': getPrompt,
  'resources/read': readResource,
  'completion/complete': complete,
};

function answerer(method: string | undefined, called: Called | undefined): Answerer | undefined {
  if (method === 'tools/call')
    return called?.kind === 'tool' ? (view, request) => call(view, called, request) : undefined;
  const forward = BY_METHOD[method ?? ''];
  return forward && (async (view, request) => (await forward(view, request)).text);
}

async function call(view: View, called: Called & { kind: 'tool' }, request: ClientRequest): Promise<string> {
  const outcome = await callMerged(view, called, request);
  if ('answer' in outcome) return outcome.answer.text;
  const { id } = JSON.parse(request.text) as { id: unknown };
  if ('failure' in outcome) {
    const result = resultFor(
      request.era,
      'tools/call',
      JSON.stringify(failedResult(outcome.failure, called)),
    );
    return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
  }
  throw new ProtocolError(-32603, 'The server must be connected again: call the tool once more');
}

function errorText(error: unknown, id: string | number | undefined): string {
  const own = error instanceof ProtocolError ? error : undefined;
  const failed = error instanceof ServerFailure ? error.message : 'Internal error';
  const { code = -32603, message = failed, data } = own ?? {};
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    error: { code, message, ...(data === undefined ? {} : { data }) },
  });
}

/** Serves a request that the gate answers itself: lists, its own tools, discovery, subscriptions. */
async function serveOwn(
  c: Context,
  view: View,
  message: Message,
  called: Called | undefined,
): Promise<Response> {
  const { principal } = view;
  const raw = new RawResults();
  const gone = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, gone.signal]);
  const request: ClientRequest = {
    text: new TextDecoder().decode(message.withoutNulls),
    era: message.era,
    method: message.method ?? '',
    signal,
    onMessage: () => undefined,
  };
  const seenBy = (_: ServerContext) => ({ view, called, request });
  const handler = createMcpHandler(() => gateServer(deploymentOf(c), raw, seenBy), {
    corsOptions: false,
    // `refuseForeignOrigin` has checked it against the settings.
    allowedOriginHostnames: '*',
  });
  const headers = new Headers(c.req.raw.headers);
  headers.set('accept', spelledOut(headers.get('accept')));
  headers.set('content-type', 'application/json');
  const body = message.withoutNulls;
  const sent = new Request(new URL('/mcp', c.req.url), { method: 'POST', headers, body, signal });
  const response = raw.restore(await inStream(handler.fetch(sent), () => gone.abort()));
  if (!isStream(response)) return response;
  if (message.method !== 'subscriptions/listen') {
    return new Response(whileGranted(response.body, watchOver(c, principal, { call: true })), response);
  }
  const { resourceSubscriptions = [] } = (message.params.notifications ?? {}) as SubscriptionFilter;
  const feed = feedSubscription(c, principal, {
    notify: handler.notify,
    body: response.body,
    uris: resourceSubscriptions,
  });
  return new Response(feed, response);
}
