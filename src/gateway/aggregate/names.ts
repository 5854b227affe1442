import { createHash } from 'node:crypto';

/*
 * The names of many servers' items at one endpoint. Tools and prompts: `{server}_{name}`; names of servers have no
 * `_`, so no two names are equal. Resources: always `mcp+{server}+{uri}`, because a URI that means one server's
 * resource while another server is down must not mean the other's resource later. Pages of MCP Apps:
 * `ui://{server}/…`.
 */

/** The names of servers' items for a client: merged names with the server in them, or one server's own names. */
export interface Naming {
  /** The name of a tool or prompt. */
  name(server: string, name: string): string;
  /** The server in the name of a tool or prompt. That server may have no item of that name. */
  serverOf(name: string): string;
  /** The URI of a resource, or a URI template. */
  uri(server: string, uri: string): string;
  /** The server and its own URI, from the result of {@link Naming.uri}; undefined for any other URI. */
  split(uri: string): { server: string; uri: string } | undefined;
}

/** The naming of the principal's endpoint: merged at `/mcp`, unchanged at `/mcp/{server}`. */
export function namesFor({ server }: { server?: string | undefined }): Naming {
  return server === undefined ? MERGED : asTheyAre(server);
}

function asTheyAre(server: string): Naming {
  return {
    name: (_, name) => name,
    serverOf: () => server,
    uri: (_, uri) => uri,
    split: (uri) => ({ server, uri }),
  };
}

/** The longest name, and the characters, that all clients accept. */
const MAX_NAME = 64;
const NAME = /^[A-Za-z0-9_-]+$/;
const HASHED = /_[0-9a-f]{8}$/;

/**
 * The name of a tool or prompt at `/mcp`. A name that is too long, or has characters that clients refuse, is cut and
 * ends in a hash of the whole name. A name that already looks like that gets a hash, too, so that no two names are
 * equal.
 */
function mergedName(server: string, name: string): string {
  const whole = `${server}_${name}`;
  if (whole.length <= MAX_NAME && NAME.test(whole) && !HASHED.test(whole)) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  return `${whole.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, MAX_NAME - 9)}_${hash}`;
}

/** The server in the prefix of a merged name. It may have no item of that name. */
function serverNameOf(merged: string): string {
  return merged.slice(0, Math.max(0, merged.indexOf('_')));
}

/** The URI of a resource, or a URI template, at `/mcp`. */
function mergedUri(server: string, uri: string): string {
  const page = UI.exec(uri)?.[1];
  return page === undefined ? `mcp+${server}+${uri}` : `ui://${server}/${page}`;
}

/** A page of an MCP App. Clients recognize it by the scheme. */
const UI = /^ui:\/\/(.*)$/s;

/** The reverse of {@link mergedUri}; undefined for any other URI. */
function splitUri(uri: string): { server: string; uri: string } | undefined {
  const [, server, inner] = /^mcp\+([a-z0-9-]+)\+(.*)$/s.exec(uri) ?? [];
  if (server !== undefined && inner !== undefined) return { server, uri: inner };
  const [, app, page] = /^ui:\/\/([a-z0-9-]+)\/(.*)$/s.exec(uri) ?? [];
  return app === undefined || page === undefined ? undefined : { server: app, uri: `ui://${page}` };
}

/** The naming at `/mcp`. */
export const MERGED: Naming = {
  name: mergedName,
  serverOf: serverNameOf,
  uri: mergedUri,
  split: splitUri,
};
