import { describe, expect, test } from 'vitest';
import { AnswerScan, type AnswerShape } from '../../src/upstream/answer-scan';

/** The shape of bytes that come in parts of this size. */
function shapeOf(text: string | Uint8Array, size: number): AnswerShape {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const scan = new AnswerScan();
  for (let at = 0; at < bytes.length; at += size) scan.push(bytes.subarray(at, at + size));
  return scan.shape;
}

const LIST = '{"tools":[{"name":"secret"}]}';

describe('what an answer could be is found in parts of any size', () => {
  test.each<[AnswerShape, string]>([
    ['list', `{"jsonrpc":"2.0","id":1,"result":${LIST}}`],
    ['list', `{"result":{"a":{"b":[1,{"c":"}"}]},"tools":[]},"id":1}`],
    ['list', `{"result":{},"result":${LIST}}`],
    ['list', `{"error":{},"result":${LIST}}`],
    ['list', `{"r\\u0065sult":{"\\u0074\\u006f\\u006f\\u006c\\u0073":[]}}`],
    ['list', `{"Result":{"TOOLS":[]}}`],
    ['list', `{"reſult":{"toolſ":[]}}`],
    ['list', `{"result":{"result":${LIST}}}`],
    ['list', ` \r\n{ "result" : { "x" : "\\\\" , "tools" : [ ] } }`],
    ['list', `{"a":"\\\\\\"","result":${LIST}}`],
    ['list', `{"result":{"tools":null}}`],
    ['unreadable', `[{"result":${LIST}}]`],
    ['unreadable', '[]'],
    ['unreadable', '{}{"result":{"tools":[]}}'],
    ['unreadable', '{}x'],
    ['unreadable', '\uFEFF{}'],
    ['unreadable', '\u00a0{}'],
    ['unreadable', '\u0000{}'],
    ['unreadable', `{/*"*/"result":${LIST}}`],
    ['unreadable', `{'result':${LIST}}`],
    ['plain', ''],
    ['plain', '{}'],
    ['plain', '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\\"tools\\":[]}"}]}}'],
    ['plain', `{"result":{"structuredContent":{"result":${LIST}}}}`],
    ['plain', `{"result":{"capabilities":${LIST}}}`],
    ['plain', `{"params":${LIST},"tools":[]}`],
    ['plain', `{"result":[${LIST}]}`],
    ['plain', `{"result":"tools","id":{"tools":1}}`],
    ['plain', `{"result":{"a":"tools","b":["tools"],"toolsets":[],"tool":[]}}`],
    ['plain', `{"result":{"${'x'.repeat(100)}tools":[]}}`],
    ['plain', 'x{"result":{"tools":[]}}'],
    ['plain', '"text"'],
    ['plain', '-1.5e3'],
  ])('%s: %s', (shape, text) => {
    for (const size of [1, 2, 3, 7, 1000]) expect([size, shapeOf(text, size)]).toEqual([size, shape]);
    expect(AnswerScan.of(text)).toBe(shape);
  });

  test('in another encoding it isn’t recognized', () => {
    const utf16 = Uint8Array.from([...`{"result":${LIST}}`].flatMap((char) => [char.charCodeAt(0), 0]));
    expect(shapeOf(utf16, 1000)).toBe('unreadable');
    expect(shapeOf(Uint8Array.of(0x1f, 0x8b, 8), 1000)).toBe('unreadable');
  });
});
