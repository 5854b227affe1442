import { createHash } from 'node:crypto';

/*
 * How things of many servers are named at one endpoint. Tools and prompts: `{server}_{name}`; server names have no
 * `_`, so no two meet. Resources: `mcp+{server}+{uri}`, always: a URI that meant one server's thing while another
 * was down must not mean the other's when it is back.
 */

/** Clients refuse longer names, and characters other than these. */
const MAX_NAME = 64;
const NAME = /^[A-Za-z0-9_-]+$/;
const HASHED = /_[0-9a-f]{8}$/;

/**
 * A tool's or prompt's name at `/mcp`. What would be too long, or has characters that clients refuse, is cut and
 * ends in a hash of the whole; so does what only looks like it, lest it be taken for another.
 */
export function mergedName(server: string, name: string): string {
  const whole = `${server}_${name}`;
  if (whole.length <= MAX_NAME && NAME.test(whole) && !HASHED.test(whole)) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  return `${whole.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, MAX_NAME - 9)}_${hash}`;
}

/** The server that a merged name belongs to, by its prefix; it may still have nothing of that name. */
export function serverNameOf(merged: string): string {
  return merged.slice(0, Math.max(0, merged.indexOf('_')));
}

/** A resource's URI, or URI template, at `/mcp`. */
export function mergedUri(server: string, uri: string): string {
  return `mcp+${server}+${uri}`;
}

/** What {@link mergedUri} made of which server's URI; undefined when it made none of it. */
export function splitUri(uri: string): { server: string; uri: string } | undefined {
  const [, server, inner] = /^mcp\+([a-z0-9-]+)\+(.*)$/s.exec(uri) ?? [];
  return server === undefined || inner === undefined ? undefined : { server, uri: inner };
}

/**
 * A result of a server with the URIs of its resources as they are at `/mcp`: in content that links to or embeds
 * one, wherever a result has it. What is text stays as it is.
 */
export function mergeUris<T>(server: string, result: T): T {
  const { content, messages, contents } = result as {
    content?: unknown;
    messages?: unknown;
    contents?: unknown;
  };
  const changed = {
    ...(Array.isArray(content) ? { content: content.map((block) => mergeBlock(server, block)) } : {}),
    ...(Array.isArray(messages)
      ? {
          messages: messages.map((message: { content?: unknown }) => ({
            ...message,
            content: mergeBlock(server, message.content),
          })),
        }
      : {}),
    ...(Array.isArray(contents) ? { contents: contents.map((one) => withMergedUri(server, one)) } : {}),
  };
  return { ...result, ...changed };
}

function mergeBlock(server: string, block: unknown): unknown {
  const { type, resource } = (block ?? {}) as { type?: unknown; resource?: unknown };
  if (type === 'resource_link') return withMergedUri(server, block);
  if (type === 'resource') return { ...(block as object), resource: withMergedUri(server, resource) };
  return block;
}

function withMergedUri(server: string, value: unknown): unknown {
  const { uri } = (value ?? {}) as { uri?: unknown };
  return typeof uri === 'string' ? { ...(value as object), uri: mergedUri(server, uri) } : value;
}
