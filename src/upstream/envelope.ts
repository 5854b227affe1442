import type { ClientCapabilities } from '@modelcontextprotocol/client';
import { membersOf, memberText, withMembers } from '../json-members';
import { isObject } from '../json-text';
import { modernMeta } from './handshake';

/* How a request differs in the two eras of MCP: 2026-07-28 needs members in `params._meta`, 2025 has none. */

/** The members of `_meta` that belong to the protocol of {@link MODERN_VERSION} itself. */
const PROTOCOL = 'io.modelcontextprotocol/';
const CAPABILITIES = `${PROTOCOL}clientCapabilities`;
const LOG_LEVEL = `${PROTOCOL}logLevel`;

/** Extensions that don't work at an endpoint with several servers: the id of a task doesn't name its server. */
const NOT_CARRIED = ['io.modelcontextprotocol/tasks'];

/** The era of a server, and what is added about the client where its message is of the other era. */
export interface Envelope {
  era: 'modern' | 'legacy';
  capabilities: ClientCapabilities;
  logLevel?: string | undefined;
}

/** Changes a request's text for the era of its server. Only `params._meta` and members of one era change. */
export function enveloped(text: string, { era, capabilities, logLevel }: Envelope): string {
  const params = memberText(text, 'params');
  const meta = params === undefined ? undefined : memberText(params, '_meta');
  const own = meta?.startsWith('{') ? meta : '{}';
  const isModern = membersOf(own).has(`${PROTOCOL}protocolVersion`);
  if (era === 'legacy') return isModern ? withParams(text, params, legacy(own)) : text;
  if (isModern) return withParams(text, params, { _meta: withoutExtensions(own) });
  const added = Object.entries(modernMeta(capabilities)).map(([name, value]) => [
    name,
    JSON.stringify(value),
  ]);
  const level = logLevel === undefined ? {} : { [LOG_LEVEL]: JSON.stringify(logLevel) };
  return withParams(text, params, { _meta: withMembers(own, { ...Object.fromEntries(added), ...level }) });
}

function withParams(
  text: string,
  params: string | undefined,
  changes: Record<string, string | undefined>,
): string {
  const own = params?.startsWith('{') ? params : '{}';
  return withMembers(text, { params: withMembers(own, changes) });
}

function legacy(meta: string): Record<string, string | undefined> {
  const names = [...membersOf(meta).keys()];
  const removed = names.filter((name) => name.startsWith(PROTOCOL)).map((name) => [name, undefined] as const);
  const left = removed.length < names.length ? withMembers(meta, Object.fromEntries(removed)) : undefined;
  return { _meta: left, inputResponses: undefined, requestState: undefined };
}

function withoutExtensions(meta: string): string {
  const capabilities = memberText(meta, CAPABILITIES);
  const extensions = capabilities === undefined ? undefined : memberText(capabilities, 'extensions');
  if (capabilities === undefined || !extensions?.startsWith('{')) return meta;
  const left = withMembers(extensions, Object.fromEntries(NOT_CARRIED.map((name) => [name, undefined])));
  return withMembers(meta, { [CAPABILITIES]: withMembers(capabilities, { extensions: left }) });
}

/**
 * Changes a result's text for the era of its client. 2026-07-28 requires `resultType`, and `ttlMs` and `cacheScope` in
 * results that can be cached; 2025 servers send none of them.
 *
 * @param method of the request
 */
export function resultFor(era: Envelope['era'], method: string, text: string): string {
  if (era === 'legacy') return text;
  const members = membersOf(text);
  const missing = (name: string, value: string) => (members.has(name) ? {} : { [name]: value });
  const isCached = method === 'resources/read' || method.endsWith('/list');
  return withMembers(text, {
    ...missing('resultType', '"complete"'),
    ...(isCached ? { ...missing('ttlMs', '0'), ...missing('cacheScope', '"private"') } : {}),
  });
}

/** Whether a result asks its client for input (2026-07-28, "Multi round-trip requests"). */
export function asksForInput(result: unknown): boolean {
  return isObject(result) && result.resultType === 'input_required';
}
