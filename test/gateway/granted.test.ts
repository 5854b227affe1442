import { describe, expect, test, vi } from 'vitest';
import { whileGranted } from '../../src/gateway/granted';

/** A source that a test feeds, and what became of it. */
function source() {
  const state = { cancelled: undefined as unknown, pulled: 0 };
  let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        feed = controller;
      },
      pull() {
        state.pulled++;
      },
      cancel(reason) {
        state.cancelled = reason;
      },
    },
    { highWaterMark: 0 },
  );
  return { state, stream, feed: feed as unknown as ReadableStreamDefaultController<Uint8Array> };
}

const one = new Uint8Array([1]);

describe('a stream that was opened with a grant', () => {
  test('ends soon after the grant does, and so does the source', async () => {
    const { state, stream, feed } = source();
    let granted = true;
    const reader = whileGranted(stream, async () => granted, 5).getReader();
    feed.enqueue(one);
    expect((await reader.read()).value).toEqual(one);
    granted = false;
    expect((await reader.read()).done).toBe(true);
    expect(state.cancelled).toBe('revoked');
  });

  test('goes on while the grant stands, however often it is asked', async () => {
    const { stream, feed } = source();
    const stands = vi.fn(async () => true);
    const reader = whileGranted(stream, stands, 5).getReader();
    await vi.waitFor(() => expect(stands.mock.calls.length).toBeGreaterThan(2));
    feed.enqueue(one);
    expect((await reader.read()).value).toEqual(one);
    await reader.cancel();
  });

  test('goes on when nobody could be asked, and ends once somebody could', async () => {
    const { stream, feed } = source();
    let asked = 0;
    const stands = async () => {
      if (asked++ < 2) throw new Error('overloaded');
      return false;
    };
    const reader = whileGranted(stream, stands, 5).getReader();
    feed.enqueue(one);
    expect((await reader.read()).value).toEqual(one);
    expect((await reader.read()).done).toBe(true);
    expect(asked).toBe(3);
  });

  test('ends with its source, and asks no more', async () => {
    const { stream, feed } = source();
    const stands = vi.fn(async () => true);
    const reader = whileGranted(stream, stands, 5).getReader();
    feed.close();
    expect((await reader.read()).done).toBe(true);
    const asked = stands.mock.calls.length;
    await scheduler.wait(30);
    expect(stands.mock.calls.length).toBe(asked);
  });

  test('breaks when its source breaks: half an answer is no answer', async () => {
    const { stream, feed } = source();
    const reader = whileGranted(stream, async () => true, 5).getReader();
    const read = reader.read();
    feed.error(new Error('reset'));
    await expect(read).rejects.toThrow('reset');
  });

  test('tells the source when the client goes', async () => {
    const { state, stream } = source();
    const passed = whileGranted(stream, async () => true, 5);
    await passed.cancel('gone');
    expect(state.cancelled).toBe('gone');
  });

  test('takes no more of the source than the client takes of it', async () => {
    const { state, stream } = source();
    const passed = whileGranted(stream, async () => true, 1000);
    await scheduler.wait(10);
    expect(state.pulled).toBeLessThanOrEqual(1);
    await passed.cancel();
  });
});
