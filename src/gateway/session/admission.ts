import { admitCall } from '../merged/admit';
import type { Called } from '../merged/server';
import type { View } from '../merged/view';

type Call = Parameters<typeof admitCall>[1];
type Verdict = Called | Response | undefined;

/** Judges the calls of a session. What takes one back waits until it is judged, and does not overtake it. */
export class Admission {
  readonly #underWay = new Map<unknown, Promise<Verdict>>();

  judge(view: View, call: Call): Promise<Verdict> {
    if (call.method === 'notifications/cancelled') return this.#after(call.params.requestId);
    const judged = admitCall(view, call).finally(() => this.#underWay.delete(call.id));
    this.#underWay.set(call.id, judged);
    return judged;
  }

  async #after(requestId: unknown): Promise<undefined> {
    await this.#underWay.get(requestId)?.catch(() => undefined);
  }
}
