import {
  type CompleteRequest,
  type CompleteResult,
  type GetPromptRequest,
  type GetPromptResult,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceRequest,
  type ReadResourceResult,
  ResourceNotFoundError,
  type ServerContext,
} from '@modelcontextprotocol/server';
import type { ServerSetting } from '../../config';
import { quotable } from '../../secret-text';
import { type Item, itemsOf, type ListKind, lockOf, serversOf, type View } from '../../upstream';
import { connectionNeeded, useUnlocked } from './connect-tool';
import { type Naming, namesFor, renameUris } from './names';
import type { Group } from './pages';
import { asked, carried } from './tools';
import { matchesUriTemplate } from './uri-template';

/* Prompts, resources, templates and completion of the servers behind: `mcp:read` is all that they need. */

type ItemKind = Exclude<ListKind, 'tools'>;

/** How each kind of thing is named for the client. */
const RENAMED: Record<ItemKind, (names: Naming, server: string, item: Item) => Item> = {
  prompts: (names, server, item) => ({ ...item, name: names.name(server, String(item.name)) }),
  resources: (names, server, item) => ({ ...item, uri: names.uri(server, String(item.uri)) }),
  templates: (names, server, item) => ({
    ...item,
    uriTemplate: names.uri(server, String(item.uriTemplate)),
  }),
};

/** All prompts, resources or templates of the principal's servers, in the settings' order. */
export async function mergeItems(
  view: View,
  kind: ItemKind,
): Promise<{ groups: Group<Item>[]; ttlMs: number }> {
  const [servers, names] = [serversOf(view), namesFor(view.principal)];
  const lists = await Promise.all(servers.map((server) => itemsOf(view, server, kind)));
  const groups = servers.map(({ name: server }, index) => ({
    server,
    items: (lists[index]?.items ?? []).map((item) => RENAMED[kind](names, server, item)),
  }));
  return { groups, ttlMs: Math.min(600_000, ...lists.map((list) => list?.ttlMs ?? 0)) };
}

/** `prompts/get`. */
export async function getPrompt(
  view: View,
  params: GetPromptRequest['params'],
  ctx: ServerContext,
): Promise<GetPromptResult> {
  const { server, name } = await findPrompt(view, params.name);
  const result = await useUnlocked(view, server, ({ client }) =>
    client.request(
      { method: 'prompts/get', params: { ...asked(params, ctx, view), name } },
      carried(params, ctx),
    ),
  );
  return renameUris(namesFor(view.principal), server.name, result);
}

/** `resources/read`, by a URI as it is listed at `/mcp`, or as its server wrote it into a text. */
export async function readResource(
  view: View,
  params: ReadResourceRequest['params'],
  ctx: ServerContext,
): Promise<ReadResourceResult> {
  const { server, uri, plain } = await findResource(view, params.uri);
  const result = await useUnlocked(view, server, ({ client }) =>
    client.request(
      { method: 'resources/read', params: { ...asked(params, ctx, view), uri } },
      carried(params, ctx),
    ),
  );
  const named = plain ? result : renameUris(namesFor(view.principal), server.name, result);
  // Whoever may not read here must not get it from somebody's cache (2026-07-28).
  return named.cacheScope === undefined ? named : { ...named, cacheScope: 'private' };
}

/** `completion/complete`, for a prompt's argument or a template's variable. */
export async function complete(
  view: View,
  params: CompleteRequest['params'],
  ctx: ServerContext,
): Promise<CompleteResult> {
  const { server, ref } = await findReference(view, params.ref);
  return useUnlocked(view, server, ({ client }) =>
    client.request({ method: 'completion/complete', params: { ...params, ref } }, carried(params, ctx)),
  );
}

async function findReference(
  view: View,
  ref: CompleteRequest['params']['ref'],
): Promise<{ server: ServerSetting; ref: CompleteRequest['params']['ref'] }> {
  if (ref.type === 'ref/prompt') {
    const { server, name } = await findPrompt(view, ref.name);
    return { server, ref: { ...ref, name } };
  }
  const { server, uri } = await findResource(view, ref.uri);
  return { server, ref: { ...ref, uri } };
}

async function findPrompt(view: View, merged: string): Promise<{ server: ServerSetting; name: string }> {
  const names = namesFor(view.principal);
  const server = serversOf(view).find(({ name }) => name === names.serverOf(merged));
  const list = server && (await itemsOf(view, server, 'prompts'));
  const lock = server && !list ? await lockOf(view, server) : undefined;
  if (server && lock) throw await connectionNeeded(view, server, lock);
  const found = list?.items.find(({ name }) => names.name(server?.name ?? '', String(name)) === merged);
  if (!server || !found)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown prompt: ${quotable(merged)}`);
  return { server, name: String(found.name) };
}

/**
 * The server of a resource, and the resource's URI there. `plain`: it was asked for as its server names it, which
 * is possible while no other server lists the same.
 */
export async function findResource(
  view: View,
  merged: string,
): Promise<{ server: ServerSetting; uri: string; plain: boolean }> {
  const [servers, naming] = [serversOf(view), namesFor(view.principal)];
  const split = naming.split(merged);
  if (split) {
    const server = servers.find(({ name }) => name === split.server);
    if (!server) throw new ResourceNotFoundError(quotable(merged));
    return { server, uri: split.uri, plain: false };
  }
  const having = await Promise.all(servers.map((server) => hasResource(view, server, merged)));
  const found = servers.filter((_, index) => having[index]);
  const [only] = found;
  if (!only) throw new ResourceNotFoundError(quotable(merged));
  if (found.length > 1) {
    const names = found.map(({ name }) => naming.uri(name, merged)).join(' or ');
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Several servers have it: ask for ${names}`);
  }
  return { server: only, uri: merged, plain: true };
}

async function hasResource(view: View, server: ServerSetting, uri: string): Promise<boolean> {
  const resources = await itemsOf(view, server, 'resources');
  if (resources?.items.some((item) => item.uri === uri)) return true;
  const templates = await itemsOf(view, server, 'templates');
  return templates?.items.some((item) => matchesUriTemplate(String(item.uriTemplate), uri)) ?? false;
}
