import { elementsOf, memberText, replaceSpans, withMembers } from '../../json-members';
import type { Naming } from './names';

/*
 * Changes URIs of resources in results and lists to their names at `/mcp`. Everything else in the texts stays as the
 * server wrote it.
 */

type Rename = (uri: string) => string;

/**
 * A result's text with the client's URIs of resources: in links and embedded resources (`content`, `messages`), in what
 * was read (`contents`), and in the pages of MCP Apps.
 *
 * @param server the server that the result is from
 */
export function renamedResult(names: Naming, server: string, text: string): string {
  const rename: Rename = (uri) => names.uri(server, uri);
  let renamed = text;
  for (const [name, change] of [
    ['content', renamedBlock],
    ['contents', renamedUri],
    ['messages', renamedMessage],
  ] as const) {
    renamed = withChangedElements(renamed, name, (element) => change(rename, element));
  }
  return renamedApp(rename, renamed);
}

/** An item's text with the client's URI of the page of its MCP App (`_meta.ui.resourceUri`). */
export function renamedApp(rename: Rename, text: string): string {
  const meta = memberText(text, '_meta');
  if (!meta?.includes('resourceUri')) return text;
  const ui = memberText(meta, 'ui');
  const changed = withMembers(meta, {
    ...(ui?.startsWith('{') ? { ui: withRenamed(rename, ui, 'resourceUri') } : {}),
    ...renamedMember(rename, meta, 'ui/resourceUri'),
  });
  return withMembers(text, { _meta: changed });
}

function renamedBlock(rename: Rename, block: string): string {
  const type = memberText(block, 'type');
  if (type === '"resource_link"') return renamedUri(rename, block);
  const resource = type === '"resource"' ? memberText(block, 'resource') : undefined;
  return resource?.startsWith('{') ? withMembers(block, { resource: renamedUri(rename, resource) }) : block;
}

function renamedMessage(rename: Rename, message: string): string {
  const content = memberText(message, 'content');
  if (content?.startsWith('{')) return withMembers(message, { content: renamedBlock(rename, content) });
  return withChangedElements(message, 'content', (block) => renamedBlock(rename, block));
}

function renamedUri(rename: Rename, item: string): string {
  return renamedApp(rename, withRenamed(rename, item, 'uri'));
}

function withRenamed(rename: Rename, text: string, name: string): string {
  return withMembers(text, renamedMember(rename, text, name));
}

/** The change of a member that is a URI, for `withMembers`; empty when the member is missing or isn't a string. */
export function renamedMember(rename: Rename, text: string, name: string): Record<string, string> {
  const member = memberText(text, name);
  if (!member?.startsWith('"')) return {};
  return { [name]: JSON.stringify(rename(JSON.parse(member) as string)) };
}

/** A text in which each object of a named array is changed; unchanged when there is no such array. */
function withChangedElements(text: string, name: string, change: (element: string) => string): string {
  const list = memberText(text, name);
  if (!list?.startsWith('[') || !list.includes('"uri"')) return text;
  const edits = elementsOf(list)
    .map(({ start, end }) => ({ start, end, text: list.slice(start, end) }))
    .filter(({ text: element }) => element.startsWith('{'))
    .map((element) => ({ ...element, text: change(element.text) }));
  return withMembers(text, { [name]: replaceSpans(list, edits) });
}
