import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from '@modelcontextprotocol/server';
import type { ServerSetting } from '../../config';
import { memberText, withMembers } from '../../json-members';
import { quotable } from '../../secret-text';
import {
  itemsOf,
  type ListedItem,
  type ListKind,
  lockOf,
  rewriteItem,
  type ServerAnswer,
  serversOf,
  type View,
} from '../../upstream';
import { encodeHeaderValue } from '../request/message-headers';
import { connectionNeeded } from './connect-tool';
import { type ClientRequest, forwardConnected } from './forward';
import { type Naming, namesFor } from './names';
import type { Group } from './pages';
import { renamedApp } from './rename';
import { matchesUriTemplate } from './uri-template';

/* Prompts, resources, templates, and completion of the upstream servers. All of them need `mcp:read` only. */

type ItemKind = Exclude<ListKind, 'tools'>;

/** An item of a list at `/mcp`. `key`: its name or URI there; `text`: its JSON. */
export interface MergedItem {
  key: string;
  text: string;
}

/** The member that names an item of each kind. */
const KEYS: Record<ItemKind, 'name' | 'uri' | 'uriTemplate'> = {
  prompts: 'name',
  resources: 'uri',
  templates: 'uriTemplate',
};

/**
 * All prompts, resources, or templates of the principal's servers, in the order of the settings. A server that doesn't
 * answer in time has an empty group. `ttlMs`: how long the list may be cached, ten minutes at most.
 */
export async function mergeItems(
  view: View,
  kind: ItemKind,
): Promise<{ groups: Group<MergedItem>[]; ttlMs: number }> {
  const [servers, names] = [serversOf(view), namesFor(view.principal)];
  const lists = await Promise.all(servers.map((server) => itemsOf(view, server, kind)));
  const groups = servers.map(({ name: server }, index) => ({
    server,
    items: (lists[index]?.items ?? []).map((item) => renamed(names, server, kind, item)),
  }));
  return { groups, ttlMs: Math.min(600_000, ...lists.map((list) => list?.ttlMs ?? 0)) };
}

function renamed(names: Naming, server: string, kind: ItemKind, item: ListedItem): MergedItem {
  const member = KEYS[kind];
  const own = String(item.value[member]);
  const key = kind === 'prompts' ? names.name(server, own) : names.uri(server, own);
  const text = rewriteItem(item, { [member]: JSON.stringify(key) });
  return { key, text: renamedApp((uri) => names.uri(server, uri), text) };
}

/**
 * Answers `prompts/get`.
 *
 * @throws `ProtocolError` for an unknown prompt (-32602), or as {@link forwardConnected}
 */
export async function getPrompt(view: View, request: ClientRequest): Promise<ServerAnswer> {
  const { server, name } = await findPrompt(view, textOf(request, 'name'));
  return forwardConnected(view, request, {
    server,
    params: { name: JSON.stringify(name) },
    headers: [['mcp-name', encodeHeaderValue(name)]],
  });
}

/**
 * Answers `resources/read`. The URI is one that `/mcp` lists, or the server's own, from a text that the server wrote.
 *
 * @throws as {@link findResource} and {@link forwardConnected}
 */
export async function readResource(view: View, request: ClientRequest): Promise<ServerAnswer> {
  const { server, uri, plain } = await findResource(view, textOf(request, 'uri'));
  return forwardConnected(view, request, {
    server,
    params: { uri: JSON.stringify(uri) },
    headers: [['mcp-name', encodeHeaderValue(uri)]],
    plain,
  });
}

/**
 * Answers `completion/complete` for a prompt's argument or a template's variable.
 *
 * @throws as {@link getPrompt} and {@link readResource}
 */
export async function complete(view: View, request: ClientRequest): Promise<ServerAnswer> {
  const ref = memberText(request.text, 'params', 'ref') ?? '{}';
  const named = await findReference(view, ref);
  const params = { ref: withMembers(ref, { [named.member]: JSON.stringify(named.own) }) };
  return forwardConnected(view, request, { server: named.server, params, headers: [] });
}

async function findReference(
  view: View,
  ref: string,
): Promise<{ server: ServerSetting; member: 'name' | 'uri'; own: string }> {
  if (memberText(ref, 'type') === '"ref/prompt"') {
    const { server, name } = await findPrompt(view, asText(memberText(ref, 'name')));
    return { server, member: 'name', own: name };
  }
  const { server, uri } = await findResource(view, asText(memberText(ref, 'uri')));
  return { server, member: 'uri', own: uri };
}

/** A member of `params` that is a name or URI; `params.ts` has checked that it is a string. */
function textOf({ text }: ClientRequest, name: string): string {
  return asText(memberText(text, 'params', name));
}

function asText(json: string | undefined): string {
  return json?.startsWith('"') ? (JSON.parse(json) as string) : '';
}

async function findPrompt(view: View, merged: string): Promise<{ server: ServerSetting; name: string }> {
  const names = namesFor(view.principal);
  const server = serversOf(view).find(({ name }) => name === names.serverOf(merged));
  const list = server && (await itemsOf(view, server, 'prompts'));
  const lock = server && !list ? await lockOf(view, server) : undefined;
  if (server && lock) throw await connectionNeeded(view, server, lock);
  const found = list?.items.find(
    ({ value }) => names.name(server?.name ?? '', String(value.name)) === merged,
  );
  if (!server || !found)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown prompt: ${quotable(merged)}`);
  return { server, name: String(found.value.name) };
}

/**
 * Finds the server of a resource, and the resource's URI there. `plain`: the client used the server's own URI, which
 * works as long as only one server lists it or has a template for it.
 *
 * @throws `ResourceNotFoundError`, or `ProtocolError` (-32602) when several servers have that URI
 */
export async function findResource(
  view: View,
  merged: string,
): Promise<{ server: ServerSetting; uri: string; plain: boolean }> {
  const [servers, naming] = [serversOf(view), namesFor(view.principal)];
  const split = naming.split(merged);
  if (split) {
    const server = servers.find(({ name }) => name === split.server);
    if (server) return { server, uri: split.uri, plain: false };
    // A `ui://` URI that isn't one of our names may still be a server's own.
    if (!merged.startsWith('ui://')) throw new ResourceNotFoundError(quotable(merged));
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
  if (resources?.items.some(({ value }) => value.uri === uri)) return true;
  const templates = await itemsOf(view, server, 'templates');
  return templates?.items.some(({ value }) => matchesUriTemplate(String(value.uriTemplate), uri)) ?? false;
}
