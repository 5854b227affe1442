import { isForSome } from '../account';
import { deploymentOf, type Problem, type RequestContext, type ServerSetting } from '../config';
import { callServer } from './call';
import { failingServers } from './failures';
import { FAULTS } from './server-fault';

/** How long an answer is good for, in ms: whoever asks for `/health` often asks no server often. */
const FRESH_MS = 15_000;
/** How long a server may take, in ms. */
const PATIENCE = 2_500;

const checked = new WeakMap<object, { at: number; problems: Promise<Problem[]> }>();

/**
 * The servers behind that don't answer now, or failed to list what they have in the last minute. They are asked
 * without a credential: to say no is an answer. Names servers that everybody may know of, never their addresses.
 */
export function serverProblems(work: RequestContext): Promise<Problem[]> {
  const known = checked.get(work.env);
  if (known && Date.now() - known.at < FRESH_MS) return known.problems;
  const problems = checkAll(work);
  checked.set(work.env, { at: Date.now(), problems });
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
  try {
    const answer = await callServer(work, server, undefined, { method: 'POST', headers, body, signal });
    if (typeof answer === 'string') return FAULTS[answer].says;
    await answer.body?.cancel();
    return answer.status >= 500 ? `answers with status ${answer.status}` : undefined;
  } catch {
    return FAULTS.server_too_slow.says;
  }
}
