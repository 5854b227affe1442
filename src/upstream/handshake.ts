import type { ClientCapabilities, DiscoverResult, InitializeResult } from '@modelcontextprotocol/client';
import { isObject } from '../json-text';
import { SOFTWARE } from './software';

/*
 * How a server is spoken to, found out by asking it once: statelessly (MCP 2026-07-28), in a session (2025 and
 * older), or by HTTP+SSE (2024-11-05). Servers answer a version that they don't know in many ways; whatever isn't a
 * result of `server/discover` means that the server is older.
 */

/** The version without sessions. */
export const MODERN_VERSION = '2026-07-28';
/** The versions with sessions, newest first. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;

/** How a server answered when it was first spoken to. Keeping it saves asking again. */
export type Handshake =
  | { era: 'modern'; discover: DiscoverResult }
  | {
      era: 'legacy';
      initialize: InitializeResult;
      session: string | undefined;
      /** In whose name the session was begun there. */
      account: string;
      /** Where messages are posted to a server that speaks HTTP+SSE (2024-11-05). */
      endpoint?: string | undefined;
    };

/** One JSON-RPC request of the gate's own, and what came back for it. */
export type Ask = (
  request: { method: string; params: Record<string, unknown>; version: string },
  signal?: AbortSignal,
) => Promise<{ status: number; session: string | undefined; message: Record<string, unknown> | undefined }>;

/** Why no handshake came about. */
export class HandshakeFailure extends Error {
  constructor(
    readonly status: number,
    readonly answer: Record<string, unknown> | undefined,
  ) {
    super(`the server answered initialize with ${status}`);
  }
}

/** How long a server may think about a version that it may not know, in ms. */
const PROBE_MS = 1_000;

/** Envelope members of a request in {@link MODERN_VERSION}. */
export function modernMeta(capabilities: ClientCapabilities): Record<string, unknown> {
  return {
    'io.modelcontextprotocol/protocolVersion': MODERN_VERSION,
    'io.modelcontextprotocol/clientInfo': SOFTWARE,
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
}

/**
 * What a server says of itself to `server/discover`; undefined when it doesn't speak {@link MODERN_VERSION}: any
 * error, another id, another status, HTML, or no answer in time means that.
 */
export async function discover(
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

/** Whether what was thrown is about the answer and not about the server being away. */
function isUnreadable(error: unknown): boolean {
  return error instanceof Error && 'fault' in error && error.fault === 'server_not_mcp';
}

/**
 * Begins a session (`initialize`), with the newest version that the server takes.
 *
 * @throws HandshakeFailure when it takes none
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
    // Not about the version: another one would be refused as well.
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

/** An object without its members that are `null`, which count as absent. */
function cleaned(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}
