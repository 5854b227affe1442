import { seconds } from '../../clock';
import { sha256Hex } from '../../crypto';
import type { Accesses } from '../access/access-checks';
import { accountOf } from '../access/find-account';
import type { ConnectionStore } from '../connections/store';
import type { Profile } from '../principal/profile';

/*
 * Workers that hold a stream open for a grant hear at once when the grant ends, and when what its user may do changes.
 * They have a hibernatable socket to the object, so waiting costs nothing.
 */

/** What a watcher gets: this message, or the end of its socket with this code. */
const CHANGED = 'changed';
const GRANT_ENDED = 4001;
/** Milliseconds after which a watcher whose socket broke opens another one. */
const AGAIN_MS = 1_000;

type Attachment = { grantId: string; rights: string };

/** What the watchers of an account depend on. */
export interface WatchedAccount {
  ctx: DurableObjectState;
  profile: Profile;
  accesses: Accesses;
  connectionStore: ConnectionStore;
}

/** The sockets of those who hold streams open for grants of an account. */
export class Watchers {
  constructor(private readonly watched: WatchedAccount) {}

  /** Opens a socket for the grant that the header `gatehouse-grant` names (101). 404 when it has ended. */
  async open(request: Request): Promise<Response> {
    const grantId = request.headers.get('gatehouse-grant') ?? '';
    if (!this.stands(grantId)) return new Response(null, { status: 404 });
    const rights = await this.rights();
    const { 0: theirs, 1: ours } = new WebSocketPair();
    this.watched.ctx.acceptWebSocket(ours);
    ours.serializeAttachment({ grantId, rights } satisfies Attachment);
    return new Response(null, { status: 101, webSocket: theirs });
  }

  /** Sends each watcher what changed for it. */
  async tell(): Promise<void> {
    const sockets = this.watched.ctx.getWebSockets();
    if (sockets.length === 0) return;
    const rights = await this.rights();
    for (const socket of sockets) {
      const { grantId, rights: before } = socket.deserializeAttachment() as Attachment;
      try {
        if (!this.stands(grantId)) socket.close(GRANT_ENDED, 'the grant has ended');
        else if (before !== rights) {
          socket.serializeAttachment({ grantId, rights } satisfies Attachment);
          socket.send(CHANGED);
        }
      } catch {
        // It was closed a moment ago.
      }
    }
  }

  /** Whether a grant or an access key is still valid. */
  private stands(id: string): boolean {
    return this.watched.accesses.stands(id, seconds());
  }

  /** A hash of everything here that decides what the user may do: their identity and their connections. */
  private rights(): Promise<string> {
    const identity = JSON.stringify(this.watched.profile.identity() ?? null);
    return sha256Hex(`${identity}${JSON.stringify(this.watched.connectionStore.standings())}`);
  }
}

/**
 * Watches a grant until the returned function is called.
 *
 * @param on `opened`: watching has begun; the caller checks what changed before that. `changed`: what the user may do has
 *   changed, or may have, because the socket broke and was opened again. `ended`: the grant has ended
 */
export function watchGrant(
  env: Env,
  { userId, grantId }: { userId: string; grantId: string },
  on: { opened?(): void; changed(): void; ended(): void },
): () => void {
  let socket: WebSocket | undefined;
  let stopped = false;
  const open = async (changed: boolean): Promise<void> => {
    if (stopped) return;
    const headers = { upgrade: 'websocket', 'gatehouse-grant': grantId };
    const opened = await accountOf(env, userId)
      .fetch('https://account/watch', { headers })
      .catch(() => undefined);
    if (!opened) return again();
    const { webSocket } = opened;
    if (!webSocket) return on.ended();
    webSocket.accept();
    if (stopped) return webSocket.close(1000);
    socket = webSocket;
    webSocket.addEventListener('message', ({ data }) => {
      if (data === CHANGED) on.changed();
    });
    webSocket.addEventListener('close', ({ code }) => {
      if (code === GRANT_ENDED) on.ended();
      else again();
    });
    webSocket.addEventListener('error', again);
    if (changed) on.changed();
    else on.opened?.();
  };
  const again = (): void => {
    if (!stopped) setTimeout(() => void open(true), AGAIN_MS);
  };
  void open(false);
  return () => {
    stopped = true;
    socket?.close(1000);
  };
}
