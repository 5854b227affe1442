import { describe, expect, test } from 'vitest';
import { readEvents, rewriteEvents } from '../../src/upstream/events';

const PASS = { maxBytes: 1000, tooLong: 'pass' as const };
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A stream in pieces of this many bytes. */
function inPieces(text: string, size: number): ReadableStream<Uint8Array> {
  const bytes = bytesOf(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
}

function through(
  text: string,
  size: number,
  rewrite: (data: string) => string | undefined = () => undefined,
  limits: Parameters<typeof rewriteEvents>[0] = PASS,
): Promise<string> {
  return new Response(inPieces(text, size).pipeThrough(rewriteEvents(limits, rewrite))).text();
}

const SHAPES: [string, string, string[]][] = [
  ['LF', 'event: message\ndata: one\n\ndata: two\n\n', ['one', 'two']],
  ['CRLF', 'event: message\r\ndata: one\r\n\r\ndata: two\r\n\r\n', ['one', 'two']],
  ['CR', 'event: message\rdata: one\r\rdata: two\r\r', ['one', 'two']],
  ['mixed line ends', 'data: one\r\n\ndata: two\n\r\ndata: three\r\r\n', ['one', 'two', 'three']],
  ['data in several lines', 'data: {"a":\ndata:  1}\n\n', ['{"a":\n 1}']],
  ['no blank after the colon', 'data:one\n\n', ['one']],
  ['comments and pings', ': ping\n\n:\n\ndata: one\n: in between\ndata: more\n\n', ['one\nmore']],
  ['ids and retry', 'id: 7\nretry: 100\ndata: one\nid: 8\n\n', ['one']],
  ['other fields', 'dataset: no\ndata: one\ndata-x: no\n\n', ['one']],
  ['blank lines before and between', '\r\n\n\rdata: one\n\n\n\n\r\n\r\ndata: two\n\n', ['one', 'two']],
  ['no data', 'event: ping\n\nid: 3\n\n', []],
  ['an end in the middle', 'data: one\n\ndata: two', ['one']],
  ['letters of several bytes', 'data: Grüße 👋\n\n', ['Grüße 👋']],
];

describe('events on their way through', () => {
  test.each(SHAPES)('are the bytes they came as, cut anywhere: %s', async (_what, text, data) => {
    for (let size = 1; size <= bytesOf(text).length; size++) {
      const seen: string[] = [];
      const keep = (one: string) => {
        seen.push(one);
        return undefined;
      };
      expect(await through(text, size, keep)).toBe(text);
      expect(seen, `in pieces of ${size}`).toEqual(data);
    }
  });

  test.each(SHAPES)('can be read as they come: %s', async (_what, text, data) => {
    for (const size of [1, 2, 1000]) {
      const seen: string[] = [];
      for await (const one of readEvents(inPieces(text, size), 1000)) seen.push(one);
      expect(seen).toEqual(data);
    }
  });

  test.each(['\n', '\r\n', '\r'])('go on whole, with nothing held back that ends them: %j', async (end) => {
    const event = `data: one${end}${end}`;
    for (let size = 1; size <= event.length; size++) {
      const { readable, writable } = rewriteEvents(PASS, () => undefined);
      const writer = writable.getWriter();
      const reader = readable.getReader();
      const bytes = bytesOf(event);
      // The stream stays open: what is held back would never come.
      void (async () => {
        for (let at = 0; at < bytes.length; at += size) await writer.write(bytes.slice(at, at + size));
      })();
      let got = '';
      while (got.length < event.length) got += new TextDecoder().decode((await reader.read()).value);
      expect(got).toBe(event);
    }
  });
});

describe('what is no event', () => {
  test.each([
    ['JSON by itself', '{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"secret"}]}}'],
    ['JSON by itself, with an end', '{"result":{"tools":[{"name":"secret"}]}}\n\n'],
    ['words before a colon', 'see also: secret\n\n'],
  ])('goes no further: %s', async (_, text) => {
    for (const size of [1, 7, 1000]) expect(await through(text, size)).toBe('');
  });

  test('is not forwarded next to data, either, which is', async () => {
    expect(await through('data: {}\n["secret"]\n\n', 7)).toBe('data: {}\n\n');
  });
});

describe('an event that is changed', () => {
  test.each(['\n', '\r\n', '\r'])('keeps its other fields and its neighbours; line end %j', async (end) => {
    const text = [
      ': hi',
      'id: 7',
      'event: message',
      'data: change',
      'data: me',
      '',
      'data: leave',
      '',
      '',
    ].join(end);
    for (let size = 1; size <= text.length; size++) {
      const out = await through(text, size, (data) => (data === 'change\nme' ? '{"changed":1}' : undefined));
      const seen: string[] = [];
      for await (const one of readEvents(inPieces(out, 1000), 1000)) seen.push(one);
      expect(seen).toEqual(['{"changed":1}', 'leave']);
      for (const line of [': hi', 'id: 7', 'event: message']) expect(out).toContain(line);
    }
  });
});

describe('an event that is too long', () => {
  const long = `id: 1\ndata: ${'x'.repeat(2000)}\n\n`;

  test('passes unseen where it may, and the next is seen again', async () => {
    for (const size of [1, 7, 999, 5000]) {
      const seen: string[] = [];
      const text = `${long}data: short\n\n`;
      const out = await through(text, size, (data) => {
        seen.push(data);
        return undefined;
      });
      expect(out).toBe(text);
      expect(seen).toEqual(['short']);
    }
  });

  test('ends the stream where it must be seen', async () => {
    const limits = { maxBytes: 1000, tooLong: 'fail' as const };
    for (const size of [1, 999, 5000]) {
      await expect(through(long, size, () => undefined, limits)).rejects.toThrow('too long');
    }
  });
});

describe('an event that could be a list of tools', () => {
  const list = '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"secret"}]}}';
  const shapes = async (text: string, size: number) => {
    const seen: string[] = [];
    const look: Parameters<typeof rewriteEvents>[1] = (_data, shape) => {
      seen.push(shape);
      return shape === 'plain' ? undefined : null;
    };
    const out = await new Response(inPieces(text, size).pipeThrough(rewriteEvents(PASS, look))).text();
    return { seen, out };
  };

  test.each([
    ['in one line', `data: ${list}\n\n`],
    ['in several', `data: ${list.replaceAll(',', ',\ndata:')}\n\n`],
    ['behind a line without a colon', `data\ndata: ${list}\n\n`],
    ['behind other fields', `event: x\r\nid: 1\r\n: data\r\ndata:${list}\n\n`],
    ['behind the mark of the stream', `\uFEFFdata: ${list}\n\n`],
  ])('is known as one, and can be dropped: %s', async (_what, text) => {
    for (const size of [1, 3, 1000]) {
      expect(await shapes(`data: {}\n\n${text}data: {"a":1}\n\n`, size)).toEqual({
        seen: ['plain', 'list', 'plain'],
        out: 'data: {}\n\ndata: {"a":1}\n\n',
      });
    }
  });

  test('is no other field’s', async () => {
    const text = `dat: ${list}\ndatax: ${list}\n data: ${list}\nevent: ${list}\ndata: {}\n\n`;
    for (const size of [1, 1000]) expect((await shapes(text, size)).seen).toEqual(['plain']);
  });

  test('goes nowhere when the stream ends before it does', async () => {
    for (const end of ['', '\n']) expect((await shapes(`data: ${list}${end}`, 7)).out).toBe('');
    expect((await shapes('data: {"a"', 7)).out).toBe('data: {"a"');
  });

  test('ends the stream before it is whole, when it is too long to be held', async () => {
    const long = `data: {"id":1,"result":{"a":"${'x'.repeat(2000)}","tools":[{"name":"secret"}]}}\n\n`;
    for (const size of [1, 100, 5000]) {
      const through = inPieces(`data: 1\n\n${long}`, size).pipeThrough(rewriteEvents(PASS, () => undefined));
      let out = '';
      const read = async () => {
        for await (const part of through) out += new TextDecoder().decode(part);
      };
      await expect(read()).rejects.toThrow('could be a list');
      expect(out).not.toContain('secret"}]}}');
    }
  });
});
