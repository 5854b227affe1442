import { beforeAll, describe, expect, test } from 'vitest';
import { connectTo, connectWith, gateBefore, plainServer } from '../fixtures/mcp-server';
import { bodyOf, Caller, ERAS } from '../fixtures/mcp-server-caller';
import { gateWith } from '../fixtures/worker';

/* That the server reads the bytes that were judged, as they were judged. */

const behind = plainServer({ look: { readOnlyHint: true }, drop: undefined });
const at = gateBefore({ one: { behind } });

let caller: Caller;
let merged: Caller;
beforeAll(async () => {
  caller = new Caller(await connectTo(at, 'one', { scope: ['mcp:read'] }), 'one');
  merged = new Caller(await connectWith(at, `${at.origin}/mcp`, ['one'], { scope: ['mcp:read'] }), 'one');
});

async function expectRefused(sent: Parameters<Caller['send']>[0], status: number, code: number) {
  for (const [endpoint, path] of [
    [caller, '/mcp/one'],
    [merged, '/mcp'],
  ] as const) {
    const before = behind.received.length;
    const answer = await endpoint.send({ ...sent, path });
    expect([path, answer.status, answer.body.error?.code]).toEqual([path, status, code]);
    expect(answer.body.error?.message).toMatch(/^[A-Z].{10,}/);
    expect(behind.received.length).toBe(before);
  }
}

const call = bodyOf({ method: 'tools/call', params: { name: 'look', arguments: {} } });
/** By UTF-7 a call of `drop`; by UTF-8 one of `look`, with an odd argument. */
const utf7 =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"x":"+ACI-},+ACI-name+ACI-:+ACI-drop+ACI-,+ACI-y+ACI-:{+ACI-z+ACI-:+ACI-"},"name":"look"}}';

describe('a content type by which a server may decode otherwise is refused', () => {
  test.each([
    'application/json; charset=utf-7',
    'application/json; charset=utf7',
    'application/json; charset="utf-7"',
    'application/json; Charset=UTF-7',
    'application/json;charset =utf-7',
    'application/json;charset= utf-7',
    'application/json; charset=utf-8; charset=utf-7',
    'application/json; charset=utf-8; charset=utf-8',
    'application/json; charset=utf-8, utf-7',
    'application/json; charset=utf-16',
    'application/json; charset=utf-16le',
    'application/json; charset=utf-32',
    'application/json; charset=utf-8; boundary=x',
    "application/json; charset='utf-8'",
    'application/json; charset="utf-8',
    "application/json; charset*=utf-8''utf-7",
    'application/json; charset*0=utf-7',
    'application/json; x="a;charset=utf-7"',
    'application/json; charset',
    'application/json; charset=',
    'application/json charset=utf-7',
    'application/json, text/plain',
    'application/json, application/json',
    'application/jsonp',
    'application/json-seq',
    'application/vnd.api+json',
    'text/json',
    '*/*',
    'application/*',
  ])('%s', async (type) => {
    await expectRefused({ body: utf7, headers: { 'content-type': type } }, 415, -32600);
  });

  test.each([
    'application/json',
    'Application/JSON',
    'application/json;',
    'application/json; charset=utf-8',
    'application/json;CHARSET=UTF-8',
    'application/json ; charset="UTF-8"',
    'application/json; charset=utf-8 ;',
  ])('and %s is none: the server gets the gate’s own', async (type) => {
    const { status, body } = await caller.send({ body: utf7, headers: { 'content-type': type } });
    expect([status, body.result]).toEqual([200, { content: [{ type: 'text', text: 'tools/call look' }] }]);
    expect(behind.received.at(-1)?.headers.get('content-type')).toBe('application/json');
    expect(behind.received.at(-1)?.text).toBe(utf7);
  });
});

describe('a body that is encoded once more is refused', () => {
  test.each(['gzip', 'deflate', 'br', 'zstd', 'compress', 'GZIP', 'identity, gzip', 'gzip, identity', 'x'])(
    '%s',
    async (coding) => {
      await expectRefused({ body: call, headers: { 'content-encoding': coding } }, 415, -32600);
    },
  );

  test('and one that says it isn’t is not, and no such header goes on', async () => {
    for (const coding of ['identity', 'Identity']) {
      expect((await caller.send({ body: call, headers: { 'content-encoding': coding } })).status).toBe(200);
      expect(behind.received.at(-1)?.headers.has('content-encoding')).toBe(false);
    }
  });
});

describe('bytes that are not UTF-8 JSON are refused', () => {
  const utf16 = (text: string, littleEndian: boolean) =>
    Uint8Array.from(
      [...text].flatMap((char) => (littleEndian ? [char.charCodeAt(0), 0] : [0, char.charCodeAt(0)])),
    );
  const bytes = (...parts: (number[] | string | Uint8Array)[]) =>
    Uint8Array.from(
      parts.flatMap((part) => [...(typeof part === 'string' ? new TextEncoder().encode(part) : part)]),
    );

  test.each<[string, Uint8Array]>([
    ['a byte order mark', bytes([0xef, 0xbb, 0xbf], call)],
    ['two of them', bytes([0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], call)],
    ['UTF-16, little end first', bytes([0xff, 0xfe], utf16(call, true))],
    ['UTF-16, big end first', bytes([0xfe, 0xff], utf16(call, false))],
    ['UTF-16 without its mark', utf16(call, true)],
    ['UTF-32', Uint8Array.from([...call].flatMap((char) => [char.charCodeAt(0), 0, 0, 0]))],
    ['an overlong quote', bytes('{"a":', [0xc0, 0xa2], '}')],
    ['half a surrogate pair', bytes('{"a":"', [0xed, 0xa0, 0x80], '"}')],
    ['gzip', bytes([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])],
    ['NUL before', bytes([0], call)],
    ['NUL behind', bytes(call, [0])],
    ['a second message', bytes(call, '\n', call)],
    ['a no-break space before', bytes('\u00a0', call)],
    ['a form feed before', bytes('\f', call)],
    ['a line separator behind', bytes(call, '\u2028')],
    ['a prefix against inclusion', bytes(")]}',\n", call)],
  ])('%s', async (_what, body) => {
    await expectRefused({ body }, 400, -32700);
  });
});

describe('a message that two parsers could read differently is refused', () => {
  const params = '"params":{"name":"look","arguments":{}}';
  test.each([
    ['the name twice, once escaped', '"params":{"name":"look","na\\u006de":"drop"}'],
    ['a member twice, deep inside', '"params":{"name":"look","arguments":{"a":[[{"b":{"c":1,"c":2}}]]}}'],
    ['a name that is half a surrogate pair', '"params":{"name":"look","arguments":{"a\\ud800":1}}'],
    ['params in the prototype', '"__proto__":{"method":"x"},"params":{"name":"look"}'],
    ['a name in the prototype', '"params":{"__proto__":{"name":"drop"},"name":"look"}'],
    ['arguments in another case', '"params":{"name":"look","ARGUMENTS":{}}'],
    ['a name with a space behind it', '"params":{"name":"look","name ":"drop"}'],
    ['a name with a tab before it, escaped', '"params":{"name":"look","\\tname":"drop"}'],
    ['a name with a space that has no width', '"params":{"name":"look","na\\u200bme":"drop"}'],
    ['a name in wide letters', '"params":{"name":"look","\\uff4eame":"drop"}'],
    ['an id twice', `${params},"id":2`],
    ['a batch of one in it', `${params},"result":{}`],
    ['another member', `${params},"extra":1`],
    ['params that are an array', '"params":["look"]'],
    ['params that are text', '"params":"look"'],
    ['params that are a number', '"params":7'],
    ['meta that is an array', '"params":{"name":"look","_meta":[]}'],
  ])('%s', async (_what, rest) => {
    await expectRefused({ body: `{"jsonrpc":"2.0","id":1,"method":"tools/call",${rest}}` }, 400, -32600);
  });

  test.each(['null', '1.5', '1e400', '9007199254740993', '-9007199254740993', '{}', '[1]', 'true'])(
    'the id %s',
    async (id) => {
      await expectRefused(
        { body: `{"jsonrpc":"2.0","id":${id},"method":"tools/call",${params}}` },
        400,
        -32600,
      );
    },
  );

  test.each([
    ['a method that is half a surrogate pair', '{"jsonrpc":"2.0","id":1,"method":"x\\ud800"}'],
    ['a method that is a number', '{"jsonrpc":"2.0","id":1,"method":7}'],
    ['a method that is null', '{"jsonrpc":"2.0","id":1,"method":null}'],
    ['another JSON-RPC', '{"jsonrpc":"1.0","id":1,"method":"ping"}'],
    ['a batch in an object’s clothes', '{"0":{"jsonrpc":"2.0","id":1,"method":"ping"},"length":1}'],
    ['a result and an error', '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}'],
  ])('%s', async (_what, body) => {
    await expectRefused({ body }, 400, -32600);
  });

  test('too deep, before anything is parsed', async () => {
    for (const deep of ['['.repeat(2_000_000), `{"a":${'{"a":'.repeat(200)}`])
      await expectRefused({ body: deep }, 400, -32600);
  });
});

describe.each(ERAS)('null counts as absent, in the %s era', (era) => {
  test('where a client has nothing to say', async () => {
    if (era === 'modern') return;
    for (const body of [
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":null,"cursor":null}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","arguments":null,"_meta":{"progressToken":null}}}',
    ]) {
      const { status, body: answer } = await caller.send({ body });
      expect([status, answer.error]).toEqual([200, undefined]);
      expect(behind.received.at(-1)?.text).toBe(body);
    }
    for (const body of [
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":null}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":null,"cursor":null}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":null,"_meta":{"progressToken":null}}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":null,"_meta":null}}',
    ]) {
      const { status, body: answer } = await merged.send({ path: '/mcp', body });
      expect([body, status, answer.error]).toEqual([body, 200, undefined]);
    }
    const answer = '{"jsonrpc":"2.0","id":"s1","result":{},"error":null}';
    expect((await caller.fetch({ body: answer })).status).toBe(200);
    expect(behind.received.at(-1)?.text).toBe(answer);
  });

  test('but not the name of what is called', async () => {
    const { status, body } = await caller.send({ era, method: 'tools/call', params: { name: null } });
    expect([status, body.error?.code]).toEqual([400, -32602]);
  });
});

test.each(['2025-11-25, 2026-07-28', '2025-11-25 ,', '2025 11 25'])(
  'a version that could be read as another is refused: %s',
  async (version) => {
    await expectRefused({ body: call, headers: { 'mcp-protocol-version': version } }, 400, -32020);
  },
);

describe('without a credential nothing is read', () => {
  const deep = '['.repeat(4_000_000);
  const unread = (count: { pulled: number }) =>
    new ReadableStream({
      pull(controller) {
        count.pulled++;
        controller.enqueue(new TextEncoder().encode('['.repeat(10_000)));
        if (count.pulled > 1_000) controller.close();
      },
    });
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

  test.each(['/', '/mcp', '/mcp/one'])('at %s', async (path) => {
    for (const authorization of [undefined, 'Bearer nonsense']) {
      const count = { pulled: 0 };
      const init = { method: 'POST', body: unread(count), duplex: 'half' } as RequestInit;
      const sent = { ...headers, ...(authorization && { authorization }) };
      expect((await at.fetch(path, { ...init, headers: sent })).status).toBe(401);
      expect(count.pulled).toBeLessThan(3);
    }
  });

  test('and where a session can begin so, 64 kB at most', async () => {
    const open = gateWith({ UNAUTHENTICATED: 'authorize_tool' });
    const count = { pulled: 0 };
    const init = { method: 'POST', headers, body: unread(count), duplex: 'half' } as RequestInit;
    expect((await open.fetch('/mcp', init)).status).toBe(401);
    expect(count.pulled).toBeLessThan(12);
    expect((await open.fetch('/mcp', { method: 'POST', headers, body: deep })).status).toBe(401);
    const clientInfo = { name: 'x'.repeat(65_536), version: '1' };
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
    const initialize = (changes: object) =>
      open.fetch('/mcp', {
        method: 'POST',
        headers,
        body: bodyOf({ method: 'initialize', params: { ...params, ...changes } }),
      });
    expect((await initialize({})).status).toBe(401);
    const begun = await initialize({ clientInfo: { name: 'small', version: '1' } });
    expect(begun.status).toBe(200);
    await begun.body?.cancel();
  });
});
