import type { Context } from 'hono';
import type { Obtained } from '../../account';
import { accountOf } from '../../account';
import type { Flow, FlowRefusal } from '../../flow';
import { ok, type Refusal, type Result } from '../../result';

/*
 * What was obtained inside an authorization request that isn't finished: it waits sealed in the flow, and moves to
 * the account at the finish, all or nothing. A denial, the flow's end and another identity
 * (`/sign-out` with the flow) drop it.
 */

interface Staged extends Obtained {
  user: string;
}

const PREFIX = 'connection:';

/** Keeps what a user obtained in the flow, in the place of what was staged for that server. */
export function stageObtained(
  flow: Flow,
  user: string,
  obtained: Obtained,
): Promise<Result<null, Refusal<FlowRefusal>>> {
  const staged: Staged = { ...obtained, user };
  // Under the user's own name: who switches in the middle sees nothing of it.
  return flow.stage(`${PREFIX}${user}:${obtained.credential.server}`, staged);
}

/** The servers for which something of this user waits in the flow. */
export async function stagedServers(flow: Flow, user: string): Promise<string[]> {
  const prefix = `${PREFIX}${user}:`;
  return (await flow.listStaged(prefix)).map((name) => name.slice(prefix.length));
}

/**
 * Ends the flow as its `submit` does (the first one wins), and moves what this user obtained in it to the account.
 * What another identity obtained is gone with the flow. Returns the servers that were connected.
 */
export async function submitAndAdopt(
  c: Context,
  flow: Flow,
  user: string,
): Promise<Result<string[], Refusal<FlowRefusal>>> {
  const taken = await flow.submitTaking<Staged>(`${PREFIX}${user}:`);
  if (!taken.ok) return taken;
  const own = [...taken.value.values()].filter((staged) => staged.user === user);
  const obtained = own.map(({ credential, place }) => ({ credential, place }));
  if (obtained.length > 0) await accountOf(c.env, user).storeConnections(obtained);
  return ok(obtained.map(({ credential }) => credential.server));
}
