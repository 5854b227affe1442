/*
 * Whoever holds a stream open for a grant is told at once when the grant ends, and when what its user may do
 * changes. Between the object and them is a hibernatable socket: waiting costs nothing.
 */

/** What a watcher hears: `changed`, or the end of its socket with this code. */
export const CHANGED = 'changed';
export const GRANT_ENDED = 4001;

type Attachment = { grantId: string; rights: string };

/** Opens a socket for a grant. `rights`: what its user may do now, in short. */
export function openWatch(ctx: DurableObjectState, grantId: string, rights: string): Response {
  const { 0: theirs, 1: ours } = new WebSocketPair();
  ctx.acceptWebSocket(ours);
  ours.serializeAttachment({ grantId, rights } satisfies Attachment);
  return new Response(null, { status: 101, webSocket: theirs });
}

/** Tells every watcher what changed for it. `stands`: whether a grant still does. */
export function tellWatchers(
  ctx: DurableObjectState,
  rights: string,
  stands: (grantId: string) => boolean,
): void {
  for (const socket of ctx.getWebSockets()) {
    const { grantId, rights: before } = socket.deserializeAttachment() as Attachment;
    try {
      if (!stands(grantId)) socket.close(GRANT_ENDED, 'the grant has ended');
      else if (before !== rights) {
        socket.serializeAttachment({ grantId, rights } satisfies Attachment);
        socket.send(CHANGED);
      }
    } catch {
      // It closed a moment ago.
    }
  }
}
