import { createHash } from 'node:crypto';

/*
 * How things of many servers are named at one endpoint. Tools and prompts: `{server}_{name}`; server names have no
 * `_`, so no two meet. Resources: `mcp+{server}+{uri}`, always: a URI that meant one server's thing while another
 * was down must not mean the other's when it is back. Pages of MCP Apps: `ui://{server}/…`.
 */

/** How what servers have is named for a client: all in one word with its server, or one server's as it is. */
export interface Naming {
  /** The name of a tool or prompt. */
  name(server: string, name: string): string;
  /** The server that such a name belongs to; it may have nothing of that name. */
  serverOf(name: string): string;
  /** A resource's URI, or URI template. */
  uri(server: string, uri: string): string;
  /** What {@link Naming.uri} made of which server's URI; undefined when it made none of it. */
  split(uri: string): { server: string; uri: string } | undefined;
}

/** The names for a principal: at `/mcp`, or at a server's own endpoint. */
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

/** Clients refuse longer names, and characters other than these. */
const MAX_NAME = 64;
const NAME = /^[A-Za-z0-9_-]+$/;
const HASHED = /_[0-9a-f]{8}$/;

/**
 * A tool's or prompt's name at `/mcp`. What would be too long, or has characters that clients refuse, is cut and
 * ends in a hash of the whole; so does what only looks like it, lest it be taken for another.
 */
function mergedName(server: string, name: string): string {
  const whole = `${server}_${name}`;
  if (whole.length <= MAX_NAME && NAME.test(whole) && !HASHED.test(whole)) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  return `${whole.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, MAX_NAME - 9)}_${hash}`;
}

/** The server that a merged name belongs to, by its prefix; it may still have nothing of that name. */
function serverNameOf(merged: string): string {
  return merged.slice(0, Math.max(0, merged.indexOf('_')));
}

/** A resource's URI, or URI template, at `/mcp`. */
function mergedUri(server: string, uri: string): string {
  const page = UI.exec(uri)?.[1];
  return page === undefined ? `mcp+${server}+${uri}` : `ui://${server}/${page}`;
}

/** A page of an MCP App, whose scheme clients look for. */
const UI = /^ui:\/\/(.*)$/s;

/** What {@link mergedUri} made of which server's URI; undefined when it made none of it. */
function splitUri(uri: string): { server: string; uri: string } | undefined {
  const [, server, inner] = /^mcp\+([a-z0-9-]+)\+(.*)$/s.exec(uri) ?? [];
  if (server !== undefined && inner !== undefined) return { server, uri: inner };
  const [, app, page] = /^ui:\/\/([a-z0-9-]+)\/(.*)$/s.exec(uri) ?? [];
  return app === undefined || page === undefined ? undefined : { server: app, uri: `ui://${page}` };
}

/** The names at `/mcp`. */
export const MERGED: Naming = {
  name: mergedName,
  serverOf: serverNameOf,
  uri: mergedUri,
  split: splitUri,
};
