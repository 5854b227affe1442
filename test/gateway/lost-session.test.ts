import { expect, test } from 'vitest';
import { connectTo, gateBefore, messageOf, scripted } from '../fixtures/mcp-server';
import { Caller } from '../fixtures/mcp-server-caller';

/** A server of the 2025 era that forgets each session at once, and says so by this status. */
const forgetful = (status: number) =>
  scripted((received) => {
    const { id, method } = messageOf(received);
    if (method !== 'initialize') return new Response('no such session', { status });
    const serverInfo = { name: 'forgetful', version: '1' };
    const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo };
    return Response.json({ jsonrpc: '2.0', id, result }, { headers: { 'mcp-session-id': 'gone' } });
  });

test.each([404, 400])(
  'a call in a session that its server forgot (%i) tells the client to begin another, before its tools are known too',
  async (status) => {
    const name = `forgetful-${status}`;
    const caller = new Caller(
      await connectTo(gateBefore({ [name]: { behind: forgetful(status) } }), name),
      name,
    );
    const begun = await caller.send({ method: 'initialize', params: { protocolVersion: '2025-11-25' } });
    const headers = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '' };
    const answer = await caller.call('look', { headers });
    expect([answer.status, answer.body.error?.code]).toEqual([404, -32001]);
  },
);
