import { accountOf, type Identity, type NamedStream, roleAt, watchGrant } from '../../account';
import { deploymentOf, type RequestContext, type ServerSetting } from '../../config';
import { asKnownNow, credentialsOf, isAnonymous, type Principal, type UpstreamContext } from '../../upstream';

/** Most calls are answered before this many ms; only longer ones are worth a watch. */
const CALL_MS = 2_000;

/**
 * Watches over the grant that a stream was opened with, until the returned function is called. `why`: the grant is
 * over, or somebody ended this very stream.
 */
export type Watch = (ended: (why?: 'revoked' | 'stream_ended') => void) => () => void;

/**
 * A watch over a principal's grant, and over its having a role at the server if it is one's, and the same account
 * there. `call`: the stream is the answer of a call, which will probably be short, and is answered in the name in
 * which it began. `stream`: by which it can be ended.
 */
export function watchOver(
  work: UpstreamContext,
  principal: Principal,
  {
    server,
    call = false,
    stream,
  }: { server?: ServerSetting; call?: boolean; stream?: NamedStream | undefined } = {},
): Watch {
  const { env, settings } = deploymentOf(work);
  const { user, grantId } = principal;
  // Without a credential there is no grant that could end.
  if (isAnonymous(principal)) return () => () => undefined;
  return (ended) => {
    const account = server && !call ? credentialsOf(work).accountAt(principal, server) : undefined;
    const hasMoved = async () => {
      if (!server || account === undefined) return false;
      const before = await account;
      credentialsOf(work).forget();
      return !(await credentialsOf(work).isAccountStill(principal, server, before));
    };
    const check = async () => {
      const identity = await accountOf(env, user.id).standing(grantId);
      if (!identity || (server && !roleAt(identity, server, settings)) || (await hasMoved()))
        ended('revoked');
    };
    // An account that can't be asked now is asked at the next change.
    const changed = () => void check().catch(() => undefined);
    let stop: (() => void) | undefined;
    const begin = () => {
      const on = {
        opened: changed,
        changed,
        ended: () => ended('revoked'),
        streamEnded: () => ended('stream_ended'),
      };
      stop = watchGrant(env, { userId: user.id, grantId, stream }, on);
    };
    const timer = setTimeout(begin, call ? CALL_MS : 0);
    return () => {
      clearTimeout(timer);
      stop?.();
    };
  };
}

/**
 * Watches over what a principal may do at `/mcp`, until the returned function is called. `changed` gets the
 * principal as it is now; `ended` means that its grant is over or its user has no role any more.
 */
export function watchPrincipal(
  work: RequestContext,
  principal: Principal,
  { changed, ended }: { changed(now: Principal): void; ended(): void },
): () => void {
  const deployment = deploymentOf(work);
  const { user, grantId } = principal;
  if (isAnonymous(principal)) return () => undefined;
  const look = async (known?: Identity) => {
    const identity = await accountOf(deployment.env, user.id).standing(grantId);
    if (known && JSON.stringify(identity) === JSON.stringify(known)) return;
    const now = identity && asKnownNow(principal, identity, deployment);
    if (now) changed(now);
    else ended();
  };
  // An account that can't be asked now is asked at the next change.
  const on = {
    // Between the request and its watch it may have changed too.
    opened: () => void look(principal.identity).catch(() => undefined),
    changed: () => void look().catch(() => undefined),
    ended,
  };
  return watchGrant(deployment.env, { userId: user.id, grantId }, on);
}

/** A stream that ends when the watch says so; back-pressure and cancellation reach the source. */
export function whileGranted(source: ReadableStream<Uint8Array>, watch: Watch): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let stop: () => void = () => undefined;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      stop = watch(() => {
        stop();
        const cancelled = reader.cancel('revoked').then(() => controller.close());
        // It may have ended by itself meanwhile.
        cancelled.catch(() => undefined);
      });
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          stop();
          controller.close();
        } else controller.enqueue(value);
      } catch (error) {
        stop();
        controller.error(error);
      }
    },
    async cancel(reason) {
      stop();
      await reader.cancel(reason);
    },
  });
}
