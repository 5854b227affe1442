import type { ServerContext, SubscriptionFilter } from '@modelcontextprotocol/server';
import { createMcpHandler } from 'agents/mcp/server';
import type { Context } from 'hono';
import { deploymentOf } from '../../config';
import { type Principal, passingView, UNASKED } from '../../upstream';
import { admitMergedCall } from '../aggregate/admit';
import { gateServer } from '../aggregate/server';
import { spelledOut } from '../request/accept';
import { watchOver, whileGranted } from '../request/grant-watch';
import type { Message } from '../request/message';
import { inStream, isStream } from './slow-response';
import { feedSubscription } from './subscribe';

/** A request that stands for itself: one of the 2026 era, or of the 2025 era without a session. */
export async function serveAlone(c: Context, principal: Principal, message: Message): Promise<Response> {
  const called = await admitMergedCall(passingView(c, principal, UNASKED), message);
  if (called instanceof Response) return called;
  const seenBy = (ctx: ServerContext) => ({ view: passingView(c, principal, ctx), called });
  const handler = createMcpHandler(() => gateServer(deploymentOf(c), seenBy), {
    corsOptions: false,
    // Checked by `refuseForeignOrigin`, against the settings.
    allowedOriginHostnames: '*',
  });
  const headers = new Headers(c.req.raw.headers);
  headers.set('content-type', 'application/json');
  headers.set('accept', spelledOut(headers.get('accept')));
  const gone = new AbortController();
  const signal = AbortSignal.any([c.req.raw.signal, gone.signal]);
  const body = message.withoutNulls;
  const request = new Request(new URL('/mcp', c.req.url), { method: 'POST', headers, body, signal });
  const response = await inStream(handler.fetch(request), () => gone.abort());
  if (!isStream(response)) return response;
  if (message.method !== 'subscriptions/listen') {
    return new Response(whileGranted(response.body, watchOver(c, principal, { call: true })), response);
  }
  const { resourceSubscriptions = [] } = (message.params.notifications ?? {}) as SubscriptionFilter;
  const feed = feedSubscription(c, principal, handler.notify, response.body, resourceSubscriptions);
  return new Response(feed, response);
}
