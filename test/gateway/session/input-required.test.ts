import { beforeAll, expect, test } from 'vitest';
import { memberText } from '../../../src/json-members';
import { messageOf, scripted } from '../../fixtures/mcp-server';
import { connectMerged, deploy, InSession } from '../../fixtures/mcp-session';

/* A server that speaks 2026-07-28 alone asks, and a client of 2025 answers through its session. */

const ASKED =
  '{"resultType":"input_required","requestState":"s1","inputRequests":{"city":{"method":"elicitation/create","params":{"mode":"form","message":"Which city?","requestedSchema":{"type":"object","properties":{"city":{"type":"string"}}}}}}}';

const server = scripted((request) => {
  const { id, method, params } = messageOf(request);
  const say = (what: string, status = 200) =>
    new Response(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},${what}}`, {
      status,
      headers: { 'content-type': 'application/json' },
    });
  if (method === 'server/discover') {
    return say(
      '"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}',
    );
  }
  if (request.headers.get('mcp-protocol-version') !== '2026-07-28') {
    return say('"error":{"code":-32022,"message":"Unsupported version"}', 400);
  }
  if (method === 'tools/list') {
    return say(
      '"result":{"resultType":"complete","ttlMs":0,"cacheScope":"private","tools":[{"name":"ask","inputSchema":{"type":"object"}}]}',
    );
  }
  if (params?.inputResponses === undefined) return say(`"result":${ASKED}`);
  const answer = memberText(request.text, 'params', 'inputResponses') ?? '';
  return say(
    `"result":{"resultType":"complete","content":[{"type":"text","text":${JSON.stringify(answer)}}]}`,
  );
});
const gate = deploy({ modern: { behind: server } });
let session: InSession;
beforeAll(async () => {
  session = await InSession.begin(await connectMerged(gate, ['modern']), { elicitation: { form: {} } });
});

test('the question goes to the client, its answer to the server, and the call is answered', async () => {
  const call = await session.open('tools/call', { name: 'modern_ask', arguments: { n: 1 } });
  const { message } = await call.said('elicitation/create');
  await session.post({ id: message.id, result: { action: 'accept', content: { city: 'Oslo' } } });
  const done = await call.until((event) => event.message.result !== undefined);
  expect(done.message.result).toMatchObject({
    content: [{ text: expect.stringContaining('"city":{"action":"accept","content":{"city":"Oslo"}}') }],
  });
  const again = server.received.map(messageOf).filter(({ method }) => method === 'tools/call');
  expect(again.at(-1)?.params).toMatchObject({ name: 'ask', arguments: { n: 1 }, requestState: 's1' });
});
