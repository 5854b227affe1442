import { deploymentOf, type ServerSetting, titleOf } from '../../config';
import { serverProblems } from '../../upstream';
import type { AdminContext } from './admit';

/** A server, and whether it answers. `problem`: in words; undefined: it does. */
export interface ServerStatus {
  server: ServerSetting;
  problem: string | undefined;
}

/** The servers, in the order of the settings. They are asked at most every 15 seconds. */
export async function serverStatuses(c: AdminContext): Promise<ServerStatus[]> {
  const problems = await serverProblems(c);
  return deploymentOf(c).settings.servers.map((server, index) => ({
    server,
    problem: problems.find(({ setting }) => setting === `SERVERS[${index}]`)?.problem,
  }));
}

/** `GET /api/admin/servers`: where each is, how the gate authenticates there, its rules, and whether it answers. */
export async function listServers(c: AdminContext): Promise<Response> {
  const items = (await serverStatuses(c)).map(({ server, problem }) => ({
    ...{ name: server.name, title: titleOf(server), description: server.description, auth: server.auth },
    ...{ url: server.url, binding: server.binding, entrypoint: server.entrypoint },
    ...{ tools: server.tools, roles: server.roles, groups: server.groups, require: server.require },
    status: problem === undefined ? 'ok' : 'problem',
    problem,
  }));
  return c.json({ items });
}
