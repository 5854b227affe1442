import type { ClientCapabilities, DiscoverResult, InitializeResult } from '@modelcontextprotocol/client';
import { isObject } from '../json-text';
import { SOFTWARE } from './software';

/*
 * Finds out which era a server supports: stateless (MCP 2026-07-28), or with sessions (2025 and older). Servers react
 * to an unknown version in many ways, so everything but a result of `server/discover` means that the server is older.
 */

/** The version without sessions. */
export const MODERN_VERSION = '2026-07-28';
/** The versions with sessions, newest first. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;

/** The result of a handshake: a server's era, capabilities, and session. It can be kept for later connections. */
export type Handshake =
  | { era: 'modern'; discover: DiscoverResult }
  | {
      era: 'legacy';
      initialize: InitializeResult;
      session: string | undefined;
      /** The id of the connection with which the session was started; '' where users have none. */
      account: string;
      /** The URL for messages to a server with HTTP+SSE (2024-11-05). */
      endpoint?: string | undefined;
    };

/** Sends a JSON-RPC request of the gate itself. `message`: the parsed answer; undefined when there was none. */
export type Ask = (
  request: { method: string; params: Record<string, unknown>; version: string },
  signal?: AbortSignal,
) => Promise<{ status: number; session: string | undefined; message: Record<string, unknown> | undefined }>;

/** The server answered `initialize` with no result, in any version. `status` and `answer`: of the last attempt. */
export class HandshakeFailure extends Error {
  constructor(
    readonly status: number,
    readonly answer: Record<string, unknown> | undefined,
  ) {
    super(`the server answered initialize with ${status}`);
  }
}

/** The timeout of `server/discover`, in ms: some servers don't answer an unknown version. */
const PROBE_MS = 1_000;

/** The members of `params._meta` that every request needs in {@link MODERN_VERSION}. */
export function modernMeta(capabilities: ClientCapabilities): Record<string, unknown> {
  return {
    'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
    'io.modelcontextprotocol/clientInfo': SOFTWARE,
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
}

/**
 * Sends `server/discover`. Returns the result; undefined when the server doesn't support {@link MODERN_VERSION},
 * which is assumed after an error, a wrong id, another status, HTML, or no answer in time.
 *
 * @throws what `ask` throws when the server can't be reached
 */
export async function discoverServer(
  ask: Ask,
  capabilities: ClientCapabilities,
): Promise<DiscoverResult | undefined> {
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), PROBE_MS);
  try {
    const params = { _meta: modernMeta(capabilities) };
    const answer = await ask({ method: 'server/discover', params, version: MODERN_VERSION }, waiting.signal);
    const result = answer.message?.result;
    if (answer.status !== 200 || !isObject(result)) return undefined;
    const versions = result.supportedVersions;
    const speaks = Array.isArray(versions) && versions.includes(MODERN_VERSION);
    return speaks ? (cleaned(result) as unknown as DiscoverResult) : undefined;
  } catch (error) {
    if (waiting.signal.aborted || isUnreadable(error)) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Whether an error is about an unreadable answer, and not about an unreachable server. */
function isUnreadable(error: unknown): boolean {
  return error instanceof Error && 'fault' in error && error.fault === 'server_not_mcp';
}

/**
 * Sends `initialize`, with the newest version that the server accepts.
 *
 * @returns the result, and the session id if the server keeps a session
 * @throws {@link HandshakeFailure} when it accepts none, and what `ask` throws
 */
export async function initialize(
  ask: Ask,
  capabilities: ClientCapabilities,
): Promise<{ initialize: InitializeResult; session: string | undefined }> {
  let last: HandshakeFailure | undefined;
  for (const version of LEGACY_VERSIONS) {
    const params = { protocolVersion: version, capabilities, clientInfo: SOFTWARE };
    const { status, session, message } = await ask({ method: 'initialize', params, version });
    if (isObject(message?.result)) return { initialize: resultOf(message.result, version), session };
    last = new HandshakeFailure(status, message);
    // Such a status isn't about the version, so others would be refused, too.
    if (![200, 400, 422].includes(status) && status < 500) break;
  }
  throw last ?? new HandshakeFailure(0, undefined);
}

function resultOf(result: Record<string, unknown>, version: string): InitializeResult {
  const { protocolVersion, capabilities, serverInfo, instructions } = cleaned(result);
  return {
    protocolVersion: typeof protocolVersion === 'string' ? protocolVersion : version,
    capabilities: isObject(capabilities) ? capabilities : {},
    serverInfo: isObject(serverInfo) ? (serverInfo as typeof SOFTWARE) : { ...SOFTWARE, name: 'unknown' },
    ...(typeof instructions === 'string' ? { instructions } : {}),
  };
}

/** An object without members that are `null`, which count as missing. */
function cleaned(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}
