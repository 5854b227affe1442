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
const STREAM_ENDED = 4002;
/** How long it is remembered that a stream was ended, for one whose watcher comes a little later, in ms. */
const REMEMBERED_MS = 60_000;
/** The most that are remembered. */
const MAX_REMEMBERED = 1_000;
/** How soon a watcher is back whose socket broke, in ms. */
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
  /** When streams were ended, by name: in memory only, since a watcher comes within seconds. */
  readonly #ended = new Map<string, number>();

  constructor(private readonly watched: WatchedAccount) {}

  /**
   * Opens a socket for the grant that a request names; 404 when it has ended. Or ends the streams of a name, without a
   * socket.
   */
  async open({ headers }: Request): Promise<Response> {
    const ends = headers.get('gatehouse-ends-stream');
    if (ends !== null) return this.endStreams(ends);
    const grantId = headers.get('gatehouse-grant') ?? '';
    if (!this.stands(grantId)) return new Response(null, { status: 404 });
    const rights = await this.rights();
    const { 0: theirs, 1: ours } = new WebSocketPair();
    const stream = headers.get('gatehouse-stream');
    this.watched.ctx.acceptWebSocket(ours, stream === null ? [] : [stream]);
    ours.serializeAttachment({ grantId, rights } satisfies Attachment);
    // By the Worker's own clock: how long ago it was would count the way to here, and hide a call that was ended at once.
    const began = Number(headers.get('gatehouse-stream-began'));
    if (stream !== null && (this.#ended.get(stream) ?? 0) >= began) ours.close(STREAM_ENDED, 'ended');
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

  private endStreams(name: string): Response {
    const now = Date.now();
    this.#ended.delete(name);
    this.#ended.set(name, now);
    for (const [known, at] of this.#ended) {
      if (now - at < REMEMBERED_MS && this.#ended.size <= MAX_REMEMBERED) break;
      this.#ended.delete(known);
    }
    for (const socket of this.watched.ctx.getWebSockets(name)) socket.close(STREAM_ENDED, 'ended');
    return new Response(null, { status: 204 });
  }

  /** Whether a grant, or an access key, still stands. */
  private stands(id: string): boolean {
    return this.watched.accesses.stands(id, seconds());
  }

  /** A hash of everything here that decides what the user may do: their identity and their connections. */
  private rights(): Promise<string> {
    const identity = JSON.stringify(this.watched.profile.identity() ?? null);
    return sha256Hex(`${identity}${JSON.stringify(this.watched.connectionStore.standings())}`);
  }
}

/** A stream that can be ended from elsewhere. `name`: at most 256 characters; `began`: in ms since the epoch. */
export interface NamedStream {
  name: string;
  began: number;
}

/** Ends the streams of a user that have this name and have begun by now, wherever they are held. */
export async function endStreams(env: Env, userId: string, name: string): Promise<void> {
  const headers = { 'gatehouse-ends-stream': name };
  await accountOf(env, userId).fetch('https://account/watch', { headers });
}

/**
 * Hears of what becomes of a grant, until the returned function is called: that what its user may do changed, or
 * that it ended. A socket that breaks says neither; it is opened again, and as if something had changed. `opened`:
 * from here on; what changed since the grant was looked at is for the caller to see. `streamEnded`: {@link endStreams}
 * was called for the stream's name after it began.
 */
export function watchGrant(
  env: Env,
  { userId, grantId, stream }: { userId: string; grantId: string; stream?: NamedStream | undefined },
  on: { opened?(): void; changed(): void; ended(): void; streamEnded?(): void },
): () => void {
  let socket: WebSocket | undefined;
  let stopped = false;
  const open = async (changed: boolean): Promise<void> => {
    if (stopped) return;
    const named = stream && {
      'gatehouse-stream': stream.name,
      'gatehouse-stream-began': String(stream.began),
    };
    const headers = { upgrade: 'websocket', 'gatehouse-grant': grantId, ...named };
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
      else if (code === STREAM_ENDED) on.streamEnded?.();
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
