import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestId } from '@modelcontextprotocol/server';

/** In the course of which request of the client something is done at the servers behind. */
export class Courses {
  readonly #current = new AsyncLocalStorage<RequestId>();
  /** The requests under way at each server, the latest last. */
  readonly #underWay = new Map<string, RequestId[]>();

  /** Does something at a server in the course of a request, if it is in that of one. */
  async run<T>(server: string, requestId: RequestId | undefined, act: () => Promise<T>): Promise<T> {
    if (requestId === undefined) return act();
    const underWay = this.#underWay.get(server) ?? [];
    this.#underWay.set(server, underWay);
    underWay.push(requestId);
    try {
      return await this.#current.run(requestId, act);
    } finally {
      underWay.splice(underWay.indexOf(requestId), 1);
    }
  }

  /**
   * On whose stream the client is to get what a server says now. What comes on a server's own stream doesn't say
   * which request it belongs to: it is told on that of the latest, if there is one.
   */
  relatedTo(server: string): { relatedRequestId?: RequestId } {
    const relatedRequestId = this.#current.getStore() ?? this.#underWay.get(server)?.at(-1);
    return relatedRequestId === undefined ? {} : { relatedRequestId };
  }
}
