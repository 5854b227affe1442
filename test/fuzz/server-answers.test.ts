import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { distort, distortion } from '../fixtures/fuzz/distortions';
import { casesOr, check, isEnough, timeFor } from '../fixtures/fuzz/settings';
import { soundAtServer, soundMcp } from '../fixtures/fuzz/soundness';
import { connectWith, gateBefore, listResult, messageOf, scripted } from '../fixtures/mcp-server';
import { Caller, type Era } from '../fixtures/mcp-server-caller';
import type { Tokens } from '../fixtures/worker';

/* A server whose answers are odd, by JSON or by events: what is hidden stays hidden, and no page comes of it. */

const CASES = casesOr(100);
const TOOLS = { look: { readOnlyHint: true }, erase: undefined, secret: { readOnlyHint: true } };

/** A gate before a server that answers by events where `events` says so. */
function gateBeforeOne(events: boolean, change: Parameters<typeof distort>[1][string]) {
  const behind = scripted((request) => {
    const { id, method } = messageOf(request);
    if (id === undefined) return new Response(null, { status: request.method === 'POST' ? 202 : 405 });
    const called = { content: [{ type: 'text', text: 'ran' }] };
    const result = method === 'tools/list' ? listResult(TOOLS) : called;
    const message = JSON.stringify({ jsonrpc: '2.0', id, result });
    if (!events) return new Response(message, { headers: { 'content-type': 'application/json' } });
    const type = { 'content-type': 'text/event-stream' };
    return new Response(`event: message\ndata: ${message}\n\n`, { headers: type });
  });
  distort(behind, { '/mcp': change });
  const setting = { tools: [{ match: 'secret', access: 'hidden' }] };
  return gateBefore({ tools: { behind, setting } });
}

let one: Tokens;
let merged: Tokens;
beforeAll(async () => {
  const at = gateBeforeOne(false, async (answer) => answer);
  ({ tokens: one } = await connectWith(at, `${at.origin}/mcp/tools`, ['tools']));
  ({ tokens: merged } = await connectWith(at, `${at.origin}/mcp`, ['tools']));
});

test(
  'no list shows what is hidden, whatever form it comes in, and nothing comes back but JSON and events',
  async () => {
    const sent = fc.record({
      era: fc.constantFrom<Era>('legacy', 'modern'),
      events: fc.boolean(),
      path: fc.constantFrom('/mcp/tools', '/mcp'),
      method: fc.constantFrom('tools/list', 'tools/list', 'tools/call', 'ping', 'resources/list'),
      change: distortion,
    });
    let listed = 0;
    const property = fc.asyncProperty(sent, async ({ era, events, path, method, change }) => {
      const at = gateBeforeOne(events, change);
      const caller = new Caller({ gate: at, tokens: path === '/mcp' ? merged : one }, 'tools');
      const name = path === '/mcp' ? 'tools_look' : 'look';
      const params = method === 'tools/call' ? { name, arguments: {} } : {};
      const { status, headers, text } = await readAll(await caller.fetch({ method, params, era, path }));
      const sound = path === '/mcp' ? soundMcp : soundAtServer;
      sound({ status, header: (one) => headers.get(one), text });
      expect(text).not.toContain('The secret');
      if (text.includes('The look')) listed++;
    });
    await check('answers of a server', property, CASES);
    expect(isEnough(listed, CASES), `${listed} of ${CASES}`).toBe(true);
  },
  timeFor(CASES, 60),
);

async function readAll(response: Response) {
  const { status, headers } = response;
  return { status, headers, text: await response.text() };
}

test('the list is what it is where nothing is odd', async () => {
  const caller = new Caller({ gate: gateBeforeOne(true, async (answer) => answer), tokens: one }, 'tools');
  expect(await caller.tools()).toEqual(['look', 'erase']);
});
