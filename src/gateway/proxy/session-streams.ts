import { endStreams, type NamedStream } from '../../account';
import { sha256Hex } from '../../crypto';
import type { RequestId } from '../request/refusal';
import type { ProxyRequest } from './proxy-request';

/*
 * The streams of one session at one server may be held by several Workers. Their user's account knows them by name, so
 * that a request to one Worker can end a stream that another one holds.
 */

/** How soon a stream is asked for again while the server still has the older one, in ms. */
const TRIES_MS = [50, 100, 200, 400, 800, 1_600];

/** A request's stream: a call's by its id, or the client's own. Undefined outside of a session, where nothing names it. */
export async function streamOf(request: ProxyRequest, id?: RequestId): Promise<NamedStream | undefined> {
  const { server, principal, session } = request;
  if (session === undefined) return undefined;
  const name = await sha256Hex(JSON.stringify([server.name, principal.client.id, session.id, id ?? null]));
  return { name, began: Date.now() };
}

/** Ends the stream of a call that the client has cancelled. The server has heard of it. */
export async function endCancelled(request: ProxyRequest): Promise<void> {
  const { c, principal, message } = request;
  const stream = await streamOf(request, message?.params.requestId as RequestId | undefined);
  if (stream) await endStreams(c.env, principal.user.id, stream.name);
}

/**
 * A client's own stream when the server says that it has one already (409): the older one ends, in any Worker that holds it, and
 * the stream is asked for until the server has noticed.
 *
 * @param ask sends the request again
 * @returns the last answer
 */
export async function takeOver<T extends { ok: true; value: Response } | { ok: false }>(
  request: ProxyRequest,
  first: T,
  ask: () => Promise<T>,
): Promise<T> {
  const stream = await streamOf(request);
  let answer = first;
  if (!stream || !isTaken(answer)) return answer;
  await endStreams(request.c.env, request.principal.user.id, stream.name);
  for (const wait of TRIES_MS) {
    await scheduler.wait(wait);
    if (answer.ok) await answer.value.body?.cancel();
    answer = await ask();
    if (!isTaken(answer)) break;
  }
  return answer;
}

function isTaken(answer: { ok: true; value: Response } | { ok: false }): boolean {
  return answer.ok && answer.value.status === 409;
}
