import { type Gate, readCaller } from './caller';
import type { Notebook } from './notebook';

export { Notebook } from './notebook';

/*
 * Notes for each user. The server has no sign-in of its own: it knows the caller by the gate's identity token.
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
