import { describe, expect, test } from 'vitest';
import { type Watch, whileGranted } from '../../../src/gateway/request/grant-watch';

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

/** A watch over a grant that a test ends. */
function watched() {
  const state: { watching: boolean; end: () => void } = { watching: false, end: () => undefined };
  const watch: Watch = (ended) => {
    Object.assign(state, { watching: true, end: ended });
    return () => {
      state.watching = false;
    };
  };
  return { state, watch };
}

describe('a stream that was opened with a grant', () => {
  test('ends when the grant does, and so does the source', async () => {
    const { state, stream, feed } = source();
    const over = watched();
    const reader = whileGranted(stream, over.watch).getReader();
    feed.enqueue(one);
    expect((await reader.read()).value).toEqual(one);
    over.state.end();
    expect((await reader.read()).done).toBe(true);
    expect(state.cancelled).toBe('revoked');
    expect(over.state.watching).toBe(false);
  });

  test('ends while nothing comes: silence is no reason to go on', async () => {
    const { state, stream } = source();
    const over = watched();
    const read = whileGranted(stream, over.watch).getReader().read();
    over.state.end();
    expect((await read).done).toBe(true);
    expect(state.cancelled).toBe('revoked');
  });

  test('ends with its source, and is watched no more', async () => {
    const { stream, feed } = source();
    const over = watched();
    const reader = whileGranted(stream, over.watch).getReader();
    feed.close();
    expect((await reader.read()).done).toBe(true);
    expect(over.state.watching).toBe(false);
  });

  test('breaks when its source breaks: half an answer is no answer', async () => {
    const { stream, feed } = source();
    const over = watched();
    const read = whileGranted(stream, over.watch).getReader().read();
    feed.error(new Error('reset'));
    await expect(read).rejects.toThrow('reset');
    expect(over.state.watching).toBe(false);
  });

  test('tells the source when the client goes', async () => {
    const { state, stream } = source();
    const over = watched();
    const passed = whileGranted(stream, over.watch);
    await passed.cancel('gone');
    expect(state.cancelled).toBe('gone');
    expect(over.state.watching).toBe(false);
  });

  test('takes no more of the source than the client takes of it', async () => {
    const { state, stream } = source();
    const passed = whileGranted(stream, watched().watch);
    await scheduler.wait(10);
    expect(state.pulled).toBeLessThanOrEqual(1);
    await passed.cancel();
  });
});
