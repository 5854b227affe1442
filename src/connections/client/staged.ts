import type { Context } from 'hono';
import type { Obtained } from '../../account';
import { accountOf } from '../../account';
import type { Flow, FlowRefusal } from '../../flow';
import { ok, type Refusal, type Result } from '../../result';

/*
 * Credentials that were obtained inside an authorization request. They wait, sealed, in the flow, and move to the
 * account when the request is finished, all or none. A denial, the end of the flow and another identity (`/sign-out`
 * with the flow) drop them.
 */

interface Staged extends Obtained {
  user: string;
}

const PREFIX = 'connection:';

/** Keeps in the flow what a user obtained, instead of what was staged for that server before. */
export function stageObtained(
  flow: Flow,
  user: string,
  obtained: Obtained,
): Promise<Result<null, Refusal<FlowRefusal>>> {
  const staged: Staged = { ...obtained, user };
  // By user: somebody who signs in as another one in the middle sees nothing of it.
  return flow.stage(`${PREFIX}${user}:${obtained.credential.server}`, staged);
}

/** The names of the servers for which this user has something staged in the flow. */
export async function stagedServers(flow: Flow, user: string): Promise<string[]> {
  const prefix = `${PREFIX}${user}:`;
  return (await flow.listStaged(prefix)).map((name) => name.slice(prefix.length));
}

/**
 * Ends the flow as `submit` does, which only the first call can, and moves what this user obtained in it to the
 * account. What another identity obtained is lost with the flow. Returns the names of the servers.
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
