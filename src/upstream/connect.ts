import type { ServerSetting } from '../config';
import { never, UpstreamConnection } from './connection';
import type { Acting, ConnectOptions } from './connection-options';
import { credentialsOf } from './credentials';
import { asAnswer, post, ServerFailure } from './exchange';
import { type Ask, discoverServer, type Handshake, HandshakeFailure, initialize } from './handshake';
import { messagesOf } from './messages';

/**
 * Connects to a server, in the era that the server supports.
 *
 * @throws {@link ServerFailure} when it can't be reached or isn't MCP, or `CredentialMissing`
 */
export async function connectUpstream(
  server: ServerSetting,
  options: ConnectOptions,
): Promise<UpstreamConnection> {
  const { handshake } = options;
  const account = handshake?.era === 'legacy' ? handshake.account : await accountOf(server, options.acting());
  const known = handshake ?? (await greet(server, options, account));
  return new UpstreamConnection(server, options, known, account);
}

async function greet(
  server: ServerSetting,
  { acting, capabilities, prefers = 'modern' }: ConnectOptions,
  account: string,
): Promise<Handshake> {
  const ask: Ask = async ({ method, params, version }, signal = never()) => {
    const id = `gatehouse-${method}`;
    const text = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const answer = await post({ server, acting: acting(), version, account }, { text, method, signal });
    const { status, headers } = answer;
    const session = headers.get('mcp-session-id') ?? undefined;
    if (status === 401 || status === 403) {
      await answer.body?.cancel();
      throw new ServerFailure('server_refuses_gate', `${status}`);
    }
    for await (const message of messagesOf(answer)) {
      if (asAnswer(message, id)) return { status, session, message: message.value };
    }
    return { status, session, message: undefined };
  };
  const modern = async (): Promise<Handshake | undefined> => {
    const found = await discoverServer(ask, capabilities);
    return found && { era: 'modern', discover: found };
  };
  const legacy = async (): Promise<Handshake> => {
    const begun = await initialize(ask, capabilities);
    const handshake: Handshake = { era: 'legacy', ...begun, account };
    const initialized = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
    const route = { server, acting: acting(), handshake, account };
    const sent = await post(route, {
      text: initialized,
      method: 'notifications/initialized',
      signal: never(),
    });
    await sent.body?.cancel();
    return handshake;
  };
  try {
    if (prefers === 'modern') return (await modern()) ?? (await legacy());
    const begun = await legacy().catch((error: unknown) => {
      if (error instanceof HandshakeFailure) return error;
      throw error;
    });
    // Without a session, a 2025 server can't send requests or notifications of its own; with 2026-07-28 it can.
    if ('session' in begun && begun.session !== undefined) return begun;
    const other = await modern();
    if (other) return other;
    if (begun instanceof HandshakeFailure) throw begun;
    return begun;
  } catch (error) {
    if (!(error instanceof HandshakeFailure)) throw error;
    throw new ServerFailure(error.status >= 500 ? 'server_failed' : 'server_not_mcp', error.message);
  }
}

function accountOf(server: ServerSetting, { work, principal }: Acting): Promise<string> {
  return credentialsOf(work).accountAt(principal, server);
}
