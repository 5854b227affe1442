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

/** Starts the orchard alone, on a free port unless one is given; `accessTokenSeconds`: at least 1. */
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
 * Where the orchard runs beside a gate that was asked for `port` (text of `--port`): one further up, and with
 * any port (`0`, or none that is one) any. Unset: where the settings look for it.
 */
export function orchardPort(port: string | undefined): number | 'any' {
  if (port === undefined) return ORCHARD.port;
  const above = Number(port) + 1;
  return Number.isInteger(above) && above > 1 && above < 65_536 ? above : 'any';
}

/**
 * The arguments of `wrangler dev` for the orchard beside a gate. Storage is a folder below the gate's when
 * that one is named; the inspector takes any port, because two that begin at once would want the same.
 */
export function orchardArguments(port: number, persistTo: string | undefined): string[] {
  const storage = persistTo === undefined ? [] : ['--persist-to', join(persistTo, 'orchard')];
  return ['dev', '--config', ORCHARD.config, '--port', `${port}`, '--inspector-port', '0', ...storage];
}

/**
 * `SERVERS` with every `url` at one origin moved to another; undefined when none is there, so that nothing
 * has to be overridden.
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
