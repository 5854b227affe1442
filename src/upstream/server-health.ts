import { isForSome } from '../account';
import { isolateCache } from '../caches';
import { deploymentOf, type Problem, type RequestContext, type ServerSetting } from '../config';
import { callServer } from './call';
import { failingServers } from './failures';
import { FAULTS } from './server-fault';

/** How long a server may take, in ms. */
const PATIENCE = 2_500;

/** However often somebody asks for `/health`, no server is asked often. */
const healthOf = isolateCache<Promise<Problem[]>>('serverHealth');
const ALL = 'all';

/**
 * The servers behind that don't answer now, or failed to list what they have in the last minute. They are asked
 * without a credential: to say no is an answer. Names servers that everybody may know of, never their addresses.
 */
export function serverProblems(work: RequestContext): Promise<Problem[]> {
  const known = healthOf(work.env).get(ALL);
  if (known) return known;
  const problems = checkAll(work);
  healthOf(work.env).set(ALL, problems);
  return problems;
}

async function checkAll(work: RequestContext): Promise<Problem[]> {
  const { servers } = deploymentOf(work).settings;
  const answers = await Promise.all(servers.map((server) => probe(work, server)));
  const failing = failingServers(work.env);
  return servers.flatMap((server, index) => {
    const { name } = server;
    const says = answers[index] ?? (failing.includes(name) ? 'did not list its tools when asked' : undefined);
    if (says === undefined) return [];
    const fix = 'See that it runs and speaks MCP; all other servers are served meanwhile';
    // Anybody reads this: of a server that not everybody may know of the operator knows the place in the settings.
    const problem = isForSome(server) ? `the server ${says}` : `the server "${name}" ${says}`;
    return [{ setting: `SERVERS[${index}]`, problem, fix }];
  });
}

/** What is wrong with a server; undefined when it answers. */
async function probe(work: RequestContext, server: ServerSetting): Promise<string | undefined> {
  const headers = new Headers({
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  });
  const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id: 'health', method: 'ping' }));
  const signal = AbortSignal.timeout(PATIENCE);
  const answer = await callServer(work, server, undefined, { method: 'POST', headers, body, signal });
  if (!answer.ok) {
    const { reason } = answer.error;
    return FAULTS[reason === 'aborted' ? 'server_too_slow' : reason].says;
  }
  const { status } = answer.value;
  await answer.value.body?.cancel();
  return status >= 500 ? `answers with status ${status}` : undefined;
}
