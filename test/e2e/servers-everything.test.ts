import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectOne, type SessionClient } from '../fixtures/full-clients';
import { withoutPolicy } from '../fixtures/upstream-exchange';
import type { Upstream } from '../fixtures/upstream-http';
import { useEverything } from '../fixtures/use-everything';
import { launchBrowser } from './harness/browser';
import type { Gate } from './harness/gate';
import { type Granted, grant } from './harness/oauth';
import { mergedGate } from './harness/shared';

/** The gate hides what prints its server's environment, as a careful operator would. */
const HIDDEN = 'get-env';

let gate: Gate;
let upstream: Upstream;
let ada: Granted;
beforeAll(async () => {
  ({ gate, everything: upstream } = await mergedGate());
  ada = await grantEverything('Ada');
});

function grantEverything(name: string): Promise<Granted> {
  return grant(gate, name, {
    params: { resource: endpoint() },
    choices: { scopes: ['mcp:destructive'], servers: ['everything'] },
  });
}

const endpoint = () => `${gate.origin}/mcp/everything`;

async function connect(url: string, token?: string): Promise<SessionClient> {
  const session = await connectOne(url, token === undefined ? {} : { bearer: () => token });
  await session.exchange.notified('notifications/message', 'Roots updated');
  return session;
}

describe('server-everything behind the gate', () => {
  test('says the same as without the gate, whatever a client uses of it', async () => {
    // One after the other: the server keeps the files that it made in one place for all its sessions.
    const direct = await connect(upstream.url);
    const expected = await useEverything(direct);
    await direct.client.close();
    const gated = await connect(endpoint(), ada.tokens.access_token);
    onTestFinished(() => gated.client.close());
    const seen = await useEverything(gated);
    // Its own; a second one may be the 1.x client's, which takes an error for no answer and asks for more.
    expect(gated.streams[0]?.status).toBe(200);
    expect(Object.keys(seen).length).toBeGreaterThan(20);
    expect(withoutPolicy(seen, [])).toEqual(withoutPolicy(expected, [HIDDEN]));
  });

  test('hides what the operator hides, and answers a call to it like one to nothing', async () => {
    const { client, call } = await connect(endpoint(), ada.tokens.access_token);
    onTestFinished(() => client.close());
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect(names).toContain('echo');
    expect(names).not.toContain(HIDDEN);
    const said = (name: string) => call(name).catch((error: unknown) => `${error}`);
    const hidden = await said(HIDDEN);
    expect(hidden).toContain('-32602');
    expect(`${hidden}`.replaceAll(HIDDEN, 'nothing')).toBe(await said('nothing'));
  });

  test('replays what a client missed of its stream, by Last-Event-ID', async () => {
    const session = await connect(endpoint(), ada.tokens.access_token);
    onTestFinished(() => session.client.close());
    const headers = {
      authorization: `Bearer ${ada.tokens.access_token}`,
      accept: 'text/event-stream, application/json',
      'content-type': 'application/json',
      'mcp-session-id': session.sessionId() ?? '',
      'mcp-protocol-version': '2025-11-25',
    };
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 'raw',
      method: 'tools/call',
      params: { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 2 } },
    });
    const answered = await (await fetch(endpoint(), { method: 'POST', headers, body })).text();
    const first = /^id: (\S+)$/m.exec(answered)?.[1] ?? '';
    expect(first).not.toBe('');
    await session.client.close();
    const missed = await fetch(endpoint(), { headers: { ...headers, 'last-event-id': first } });
    expect(missed.status).toBe(200);
    let text = '';
    // The stream begins with `retry:`, and stays open.
    for await (const chunk of missed.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      if (text.includes('data:')) break;
    }
    expect(text).toContain('Long running operation completed');
  });

  test('ends its session when the client does, and the id is worth nothing to anybody else', async () => {
    const { client, sessionId, terminate } = await connect(endpoint(), ada.tokens.access_token);
    onTestFinished(() => client.close());
    const id = sessionId() ?? '';
    const list = (token: string) =>
      fetch(endpoint(), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'text/event-stream, application/json',
          'content-type': 'application/json',
          'mcp-session-id': id,
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
      });
    const eve = await grantEverything('Eve');
    expect((await list(eve.tokens.access_token)).status).toBe(404);
    expect((await list(ada.tokens.access_token)).status).toBe(200);
    await terminate();
    expect((await list(ada.tokens.access_token)).status).toBeGreaterThanOrEqual(400);
  });
});

test('a page of the Inspector’s origin gets through: preflight, challenge and session id', async () => {
  const deployment = await startInspector();
  onTestFinished(deployment.close);
  const browser = await launchBrowser();
  onTestFinished(browser.close);
  const page = await browser.newPage();
  await page.goto(deployment.origin);
  const seen = await page.evaluate(
    async ({ url, token, initialize }) => {
      const base = {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'mcp-protocol-version': '2025-11-25',
      };
      const send = (method: string, headers: Record<string, string>, body?: string) =>
        fetch(url, { method, headers: { ...base, ...headers }, ...(body ? { body } : {}) });
      const stranger = await send('POST', {}, initialize);
      const authorization = `Bearer ${token}`;
      const started = await send('POST', { authorization }, initialize);
      const text = await started.text();
      const session = started.headers.get('mcp-session-id') ?? '';
      const ended = await send('DELETE', { authorization, 'mcp-session-id': session });
      const challenge = stranger.headers.get('www-authenticate');
      return { statuses: [stranger.status, started.status, ended.ok], challenge, session, text };
    },
    { url: endpoint(), token: ada.tokens.access_token, initialize: INITIALIZE },
  );
  expect(seen.statuses).toEqual([401, 200, true]);
  expect(seen.challenge).toContain('/.well-known/oauth-protected-resource/mcp/everything');
  expect(seen.session).not.toBe('');
  expect(seen.text).toContain('mcp-servers/everything');
});

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'page', version: '1' } },
});

/** A page where the Inspector would be; on any other port of loopback if somebody runs one. */
async function startInspector() {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Inspector</title>');
  });
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, 'localhost', resolve);
    });
  await listen(6274).catch(() => listen(0));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
