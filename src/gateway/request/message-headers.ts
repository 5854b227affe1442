import { decodeUtf8 } from '../../http';
import { memberText } from '../../json-members';
import { isObject } from '../../json-text';
import { ok, type Result } from '../../result';
import type { MessageFault, RefusalFor } from './refusal';

/* What the headers of a request say of its message: how to read the body, and what they repeat of it. */

type MessageRefusal = RefusalFor<'message_refused'>;

/** The methods whose subject the `Mcp-Name` header repeats, and where the body has it. */
const NAMED: Record<string, string> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/**
 * Refuses headers that let the body be anything but UTF-8 JSON, which is all that is read and all that is sent on. A
 * charset that only some servers know, or a coding, makes another message of the same bytes.
 */
export function checkEncoding(headers: Headers): Result<void, MessageRefusal> {
  const [type = '', ...parameters] = (headers.get('content-type') ?? '')
    .split(';')
    .map((part) => part.trim());
  if (type.toLowerCase() !== 'application/json') return refused('not_json_type');
  const written = parameters.filter((parameter) => parameter !== '');
  if (written.length > 1 || !written.every((one) => /^charset=(?:utf-8|"utf-8")$/i.test(one))) {
    return refused('charset');
  }
  const coding = headers.get('content-encoding');
  if (coding !== null && coding.trim().toLowerCase() !== 'identity') {
    return refused('content_encoding');
  }
  return ok(undefined);
}

function refused(fault: MessageFault): Result<never, MessageRefusal> {
  return { ok: false, error: { reason: 'message_refused', fault } };
}

/** As much of a message as headers repeat. */
interface Described {
  era: 'modern' | 'legacy';
  id: string | number | undefined;
  method: string | undefined;
  params: Record<string, unknown>;
}

/**
 * The headers that repeat the body must say the same wherever they are there, in either era; a stateless request
 * must have them (MCP 2026-07-28, "Standard request headers").
 */
export function checkHeaders(message: Described, headers: Headers): Result<void, MessageRefusal> {
  const { method, params, era, id } = message;
  const mismatch = (what: string) => headerMismatch(what, id);
  const said = headers.get('mcp-method')?.trim();
  if (said !== undefined && said !== method)
    return mismatch('Mcp-Method and the body name different methods');
  const version = headers.get('mcp-protocol-version');
  // Several in one header, say: each server takes another of them.
  if (version !== null && !/^[\w.-]{1,40}$/.test(version))
    return mismatch('MCP-Protocol-Version is no version');
  const required = era === 'modern' && id !== undefined;
  if (required && !headers.has('mcp-protocol-version')) return mismatch('MCP-Protocol-Version is missing');
  if (required && said === undefined) return mismatch('Mcp-Method is missing');
  const field = method !== undefined && Object.hasOwn(NAMED, method) ? NAMED[method] : undefined;
  const subject = field === undefined ? undefined : params[field];
  const named = headers.get('mcp-name')?.trim();
  if (named === undefined) {
    return required && typeof subject === 'string' ? mismatch('Mcp-Name is missing') : ok(undefined);
  }
  const isSame = field === undefined || decodeHeader(named) === subject;
  return isSame ? ok(undefined) : mismatch('Mcp-Name and the body name different things');
}

/** The headers of a message that repeat its method and subject, and so go where it goes. */
export function repeatedHeaders({ method }: Described, headers: Headers): [string, string][] {
  // Of a method whose subject nobody knows, nobody knows whether the body says the same.
  const hasName = method !== undefined && Object.hasOwn(NAMED, method);
  const names = hasName ? ['mcp-method', 'mcp-name'] : ['mcp-method'];
  return names.flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
}

/** Headers of a request with these that repeat its message, and no others that do. */
export function setRepeated(headers: Headers, repeated: [string, string][]): Headers {
  for (const name of [...headers.keys()])
    if (name === 'mcp-method' || name === 'mcp-name' || name.startsWith(PARAM)) headers.delete(name);
  for (const [name, value] of repeated) headers.set(name, value);
  return headers;
}

const PARAM = 'mcp-param-';

/**
 * The `Mcp-Param-*` headers of a call that its tool's schema declares by `x-mcp-header` (MCP 2026-07-28, "Custom
 * headers from tool parameters"). Others mean nothing. One that says something else than the argument is refused.
 */
export function paramHeaders(
  headers: Headers,
  inputSchema: unknown,
  message: Described,
): Result<[string, string][], MessageRefusal> {
  const kept: [string, string][] = [];
  for (const [declared, path] of declaredIn(inputSchema)) {
    const name = `${PARAM}${declared.toLowerCase()}`;
    const said = headers.get(name);
    if (said === null) continue;
    let value: unknown = message.params.arguments;
    for (const step of path) value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
    if (!saysSame(said.trim(), value)) {
      return headerMismatch(`${name} and the body have different values`, message.id);
    }
    kept.push([name, said]);
  }
  return ok(kept);
}

/**
 * The `Mcp-Param-*` headers that a tool's schema declares, of a call whose client didn't send them (2025).
 *
 * @param args the call's `arguments`, as JSON text
 */
export function paramHeadersFor(inputSchema: unknown, args: string | undefined): [string, string][] {
  return declaredIn(inputSchema).flatMap(([declared, path]): [string, string][] => {
    const text = args === undefined ? undefined : memberText(args, ...path);
    if (text === undefined || !/^(?:"|-?\d|true$|false$)/.test(text)) return [];
    const value = text.startsWith('"') ? (JSON.parse(text) as string) : text;
    return [[`${PARAM}${declared.toLowerCase()}`, encodeHeaderValue(value)]];
  });
}

/** A text as the value of a header: in Base64 where it has what headers must not have (MCP 2026-07-28). */
export function encodeHeaderValue(text: string): string {
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !/^=\?base64\?/i.test(text)) return text;
  return `=?base64?${btoa(String.fromCharCode(...new TextEncoder().encode(text)))}?=`;
}

function saysSame(said: string, value: unknown): boolean {
  const decoded = decodeHeader(said);
  if (decoded === undefined) return false;
  // Digits of which a number keeps fewer could be of another number.
  if (typeof value === 'number') return DECIMAL.test(decoded) && Number(decoded) === value && isExact(value);
  return decoded === (typeof value === 'boolean' ? `${value}` : value);
}

const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

function isExact(value: number): boolean {
  return !Number.isInteger(value) || Number.isSafeInteger(value);
}

/** The headers that a schema declares, and the path of each one's property: along `properties` only. */
function declaredIn(schema: unknown, path: string[] = []): [name: string, path: string[]][] {
  if (!isObject(schema)) return [];
  const own = schema['x-mcp-header'];
  const here: [string, string[]][] =
    typeof own === 'string' && path.length > 0 && /^[\w!#$%&'*+.^`|~-]{1,100}$/.test(own)
      ? [[own, path]]
      : [];
  const properties = isObject(schema.properties) ? Object.entries(schema.properties) : [];
  return [...here, ...properties.flatMap(([name, inner]) => declaredIn(inner, [...path, name]))];
}

/** A header value, or what its Base64 form `=?base64?…?=` holds; undefined when that can't be read. */
function decodeHeader(value: string): string | undefined {
  const encoded = /^=\?base64\?(.*)\?=$/s.exec(value)?.[1];
  if (encoded === undefined) return value;
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) return undefined;
  return decodeUtf8(Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)));
}

function headerMismatch(detail: string, id: Described['id']): Result<never, MessageRefusal> {
  return { ok: false, error: { reason: 'message_refused', fault: 'header_mismatch', detail, id } };
}
