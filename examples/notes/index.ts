import { type Gate, readCaller } from './caller';
import type { Notebook } from './notebook';

export { Notebook } from './notebook';

/*
 * Notes that each user has for themselves. The server has no sign-in of its own: who is calling it learns from
 * the gate's identity token, and everything else follows from that.
 */

interface NotesEnv {
  GATE: Gate;
  NOTEBOOK: DurableObjectNamespace<Notebook>;
}

export default {
  async fetch(request, env) {
    const caller = await readCaller(request, env.GATE, 'notes');
    if (!caller) return Response.json({ error: 'invalid_token' }, { status: 401 });
    return env.NOTEBOOK.getByName(caller.id).serve(request, caller.name);
  },
} satisfies ExportedHandler<NotesEnv>;
