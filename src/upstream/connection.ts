import {
  Client,
  type ClientCapabilities,
  type DiscoverResult,
  type InitializeResult,
  type JSONRPCMessage,
  SdkHttpError,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import type { ServerSetting } from '../config';
import type { Result } from '../result';
import { callServerAs, type UpstreamFailure } from './call';
import { type CredentialError, credentialsOf, type UpstreamContext } from './credentials';
import type { Principal } from './principal';
import { SOFTWARE } from './software';

/** How a server answered when it was first spoken to: whoever keeps it needn't ask again. */
export type Handshake =
  | { era: 'modern'; discover: DiscoverResult }
  | {
      era: 'legacy';
      initialize: InitializeResult;
      session: string | undefined;
      /** In whose name the session was begun there. */
      account: string;
    };

/** A connection to a server behind, as its client. */
export interface UpstreamConnection {
  client: Client;
  greeting: Handshake;
  /** Hands over a message of the server's that came by another way than this connection. */
  receive(message: JSONRPCMessage): void;
  /** Ends the connection, and with it the session that a 2025-era server keeps. */
  end(): Promise<void>;
}

export interface Acting {
  work: UpstreamContext;
  principal: Principal;
}

export interface ConnectOptions {
  /** For whom, and in which request's name, now: asked each time, because rights and credentials change. */
  acting: () => Acting;
  /** What the gate's own client can do for a server that asks. */
  capabilities: ClientCapabilities;
  /** Registers what answers the server's requests and notifications, before it can send any. */
  prepare?: (client: Client) => void;
  greeting?: Handshake | undefined;
  /** A 2025-era server is told that it can't ask for anything: there is nobody to carry the question. */
  oneWay?: boolean;
  /** Whether the server's own stream (GET) is opened too; otherwise the server is as one without. */
  standalone?: boolean;
}

/** Connects to a server in whichever era it speaks. Throws when it can't be reached or isn't MCP. */
export async function connectUpstream(
  server: ServerSetting,
  options: ConnectOptions,
): Promise<UpstreamConnection> {
  const { greeting, capabilities } = options;
  const client = new Client(SOFTWARE, { capabilities, versionNegotiation: { mode: 'auto' } });
  options.prepare?.(client);
  let account = greeting?.era === 'legacy' ? greeting.account : undefined;
  const url = new URL(`https://${server.name}/mcp`);
  const transport = new StreamableHTTPClientTransport(url, {
    fetch: async (_url, init) => {
      account ??= await accountOf(server, options.acting());
      // A person may have taken their time, and connected another account meanwhile.
      if (answersQuestion(init)) credentialsOf(options.acting().work).forget();
      const answer = send(server, options, init ?? {}, account);
      // A call whose server never gets the answer to its question would wait for ever: it is over.
      if (answersQuestion(init)) await endUnlessOk(answer, client);
      return answer;
    },
  });
  const prior = priorOf(greeting);
  await client.connect(transport, prior ? { prior } : {});
  return {
    client,
    greeting: greetingOf(client, transport.sessionId, account ?? ''),
    receive: (message) => transport.onmessage?.(message),
    end: async () => {
      await transport.terminateSession().catch(() => undefined);
      await client.close();
    },
  };
}

function answersQuestion(init: RequestInit | undefined): boolean {
  return typeof init?.body === 'string' && (JSON.parse(init.body) as Message).method === undefined;
}

async function endUnlessOk(answer: Promise<Response>, client: Client): Promise<void> {
  const isOk = await answer.then(
    ({ ok }) => ok,
    () => false,
  );
  if (!isOk) await client.close();
}

function priorOf(greeting: Handshake | undefined) {
  if (!greeting) return undefined;
  if (greeting.era === 'modern') return { kind: 'modern' as const, discover: greeting.discover };
  return { kind: 'legacy' as const };
}

function accountOf(server: ServerSetting, { work, principal }: Acting): Promise<string> {
  return credentialsOf(work).accountAt(principal, server);
}

function greetingOf(client: Client, session: string | undefined, account: string): Handshake {
  const discover = client.getDiscoverResult();
  if (discover) return { era: 'modern', discover };
  const instructions = client.getInstructions();
  const initialize: InitializeResult = {
    protocolVersion: client.getNegotiatedProtocolVersion() ?? '',
    capabilities: client.getServerCapabilities() ?? {},
    serverInfo: client.getServerVersion() ?? SOFTWARE,
    ...(instructions === undefined ? {} : { instructions }),
  };
  return { era: 'legacy', initialize, session, account };
}

/**
 * The server no longer knows the session that we kept of it (404; some say 400, as for a request without one).
 * Nothing was done.
 */
export function isSessionLost(error: unknown): boolean {
  return error instanceof SdkHttpError && (error.status === 404 || error.status === 400);
}

async function send(
  server: ServerSetting,
  { acting, greeting, oneWay = false, standalone = false }: ConnectOptions,
  init: RequestInit,
  account: string,
): Promise<Response> {
  const headers = new Headers(init.headers);
  const method = init.method ?? 'GET';
  const message = typeof init.body === 'string' ? (JSON.parse(init.body) as Message) : undefined;
  const remembered = message && answerRemembered(greeting, message);
  if (remembered) return remembered;
  if (method === 'GET' && !standalone && !headers.has('last-event-id')) {
    return new Response(null, { status: 405 });
  }
  const sent = message && oneWay ? withoutCapabilities(message) : message;
  const body = sent && new TextEncoder().encode(JSON.stringify(sent));
  const signal = init.signal ?? new AbortController().signal;
  const { work, principal } = acting();
  const request = { method, headers, body, signal, account };
  const answer = answerOrThrow(await callServerAs(work, server, principal, request), signal);
  return message?.method?.endsWith('/list') ? limited(answer, server.max_list_bytes) : answer;
}

/** The answer for the SDK's client, whose `fetch` throws where there is none. `signal`: that of the request. */
export function answerOrThrow(answer: Result<Response, UpstreamFailure>, signal: AbortSignal): Response {
  if (answer.ok) return answer.value;
  signal.throwIfAborted();
  const { error } = answer;
  throw error.reason === 'no_credential'
    ? new CredentialMissing(error.credential)
    : new ServerFailure(error.reason);
}

/** A message of the gate's own client. */
interface Message {
  id?: unknown;
  method?: string;
  params?: object;
}

/** What a server did not answer: see `ServerFault`. */
export class ServerFailure extends Error {}

/** The principal has no credential for the server, or none that works. */
export class CredentialMissing extends Error {
  constructor(readonly credential: CredentialError) {
    super(credential.reason);
  }
}

/** A 2025-era handshake that has taken place before is answered from memory: the session goes on. */
function answerRemembered(greeting: Handshake | undefined, message: Message): Response | undefined {
  if (greeting?.era !== 'legacy') return undefined;
  if (message.method === 'notifications/initialized') return new Response(null, { status: 202 });
  if (message.method !== 'initialize') return undefined;
  const headers = new Headers();
  if (greeting.session !== undefined) headers.set('mcp-session-id', greeting.session);
  return Response.json({ jsonrpc: '2.0', id: message.id, result: greeting.initialize }, { headers });
}

function withoutCapabilities(message: Message): Message {
  if (message.method !== 'initialize') return message;
  return { ...message, params: { ...message.params, capabilities: {} } };
}

function limited(answer: Response, maxBytes: number): Response {
  let length = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      length += chunk.length;
      if (length > maxBytes) throw new Error('the answer is too large');
      controller.enqueue(chunk);
    },
  });
  return new Response(answer.body?.pipeThrough(limit) ?? null, answer);
}
