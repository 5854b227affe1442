import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { keepStream, type StreamEnd } from '../../../src/gateway/proxy/event-stream';

/* What the gate adds to a stream of events. */

function kept(owed: (end: StreamEnd) => object | undefined = () => undefined) {
  const cancelled = vi.fn();
  let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => {
      feed = controller;
    },
    cancel: cancelled,
  });
  const stop = new AbortController();
  const closed = vi.fn();
  const reader = keepStream(source, { stop, closed, owed }).getReader();
  const read = async () => {
    const { done, value } = await reader.read();
    return done ? undefined : new TextDecoder().decode(value);
  };
  const write = (text: string) => feed?.enqueue(new TextEncoder().encode(text));
  return { cancelled, closed, stop, reader, read, write, feed: () => feed };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a stream', () => {
  test('says first how soon to come back, and while it is silent that it is there', async () => {
    const { read, write, reader } = kept();
    expect(await read()).toBe('retry: 3000\n');
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await read()).toBe(': still here\n');
    write('data: 1\n\n');
    expect(await read()).toBe('data: 1\n\n');
    await vi.advanceTimersByTimeAsync(14_000);
    write('data: 2\r\n\r\n');
    expect(await read()).toBe('data: 2\r\n\r\n');
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await read()).toBe(': still here\n');
    await reader.cancel();
  });

  test('but nothing within a line', async () => {
    const { read, write, reader } = kept();
    await read();
    write('data: half');
    expect(await read()).toBe('data: half');
    await vi.advanceTimersByTimeAsync(31_000);
    write(' and half\n\n');
    expect(await read()).toBe(' and half\n\n');
    await reader.cancel();
  });

  test('whose client has gone ends at the server, though that is silent', async () => {
    const { read, reader, cancelled, closed, stop } = kept();
    await read();
    await reader.cancel();
    await vi.advanceTimersByTimeAsync(15_000);
    await vi.waitFor(() => expect(cancelled).toHaveBeenCalled());
    expect([stop.signal.reason, closed.mock.calls.length]).toEqual(['client_gone', 1]);
  });

  test('that is stopped ends with what is owed', async () => {
    const { read, stop, cancelled, closed } = kept(({ stopped }) => ({ stopped }));
    await read();
    stop.abort('revoked');
    expect(await read()).toBe('event: message\ndata: {"stopped":true}\n\n');
    expect(await read()).toBeUndefined();
    expect([cancelled.mock.calls.length, closed.mock.calls.length]).toEqual([1, 1]);
  });

  test('has no byte order mark behind what the gate wrote', async () => {
    const { read, write, reader } = kept();
    await read();
    write('\uFEFFdata: 1\n\n');
    expect(await read()).toBe('data: 1\n\n');
    await reader.cancel();
  });
});
