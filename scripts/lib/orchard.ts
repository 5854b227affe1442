import { join } from 'node:path';
import { type Gate, type GateOptions, startGate } from './gate.ts';

/** The example that has a Worker and a port of its own, since a browser must reach it. */
export const ORCHARD = {
  config: 'examples/orchard/wrangler.toml',
  /** Where `examples/wrangler.toml` looks for it. */
  origin: 'http://localhost:8788',
  port: 8788,
} as const;

/** A running orchard: a Worker under `wrangler dev`, as a gate is. */
export type RunningOrchard = Gate;

/** Starts only the orchard, on a free port unless one is given. `accessTokenSeconds`: at least 1. */
export function startOrchard(
  options: { accessTokenSeconds?: number; port?: number } = {},
): Promise<RunningOrchard> {
  const { accessTokenSeconds, port } = options;
  const vars: GateOptions['vars'] =
    accessTokenSeconds === undefined ? {} : { ACCESS_TOKEN_SECONDS: `${accessTokenSeconds}` };
  const args = ['--config', ORCHARD.config];
  return startGate({ vars, args, keys: false, ready: '/', ...(port === undefined ? {} : { port }) });
}

/**
 * The orchard's port, next to a gate with `--port` set to `port`: the following one, or `any` if that isn't a port.
 * Unset: the port in the settings.
 */
export function orchardPort(port: string | undefined): number | 'any' {
  if (port === undefined) return ORCHARD.port;
  const above = Number(port) + 1;
  return Number.isInteger(above) && above > 1 && above < 65_536 ? above : 'any';
}

/**
 * The arguments of `wrangler dev` for the orchard. If the gate has a storage folder, the orchard uses a subfolder of
 * it. The inspector gets any free port, because two that start at once would choose the same one.
 */
export function orchardArguments(port: number, persistTo: string | undefined): string[] {
  const storage = persistTo === undefined ? [] : ['--persist-to', join(persistTo, 'orchard')];
  return ['dev', '--config', ORCHARD.config, '--port', `${port}`, '--inspector-port', '0', ...storage];
}

/**
 * `SERVERS` with every `url` at one origin changed to another origin; undefined when there is none, so that nothing has
 * to be overridden.
 */
export function moveServers(servers: unknown, from: string, to: string): unknown[] | undefined {
  if (!Array.isArray(servers) || from === to) return undefined;
  const moved = servers.map((server: { url?: unknown }) => {
    if (typeof server.url !== 'string' || !URL.canParse(server.url)) return server;
    const url = new URL(server.url);
    return url.origin === from ? { ...server, url: server.url.replace(from, to) } : server;
  });
  return moved.some((server, index) => server !== servers[index]) ? moved : undefined;
}
