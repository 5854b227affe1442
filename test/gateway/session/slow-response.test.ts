import { expect, test } from 'vitest';
import { inStream } from '../../../src/gateway/session/slow-response';

const after = (ms: number, response: () => Response) => scheduler.wait(ms).then(response);
const noneLeft = () => {
  throw new Error('nobody left');
};

test('an answer that is there soon stays what it is', async () => {
  const answer = Response.json({ result: {} });
  expect(await inStream(Promise.resolve(answer), noneLeft)).toBe(answer);
});

test('one that takes long becomes an event, after a sign of life', async () => {
  const response = await inStream(
    after(1_300, () => Response.json({ id: 1 })),
    noneLeft,
  );
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  expect(await response.text()).toMatch(/^(: still here\n\n)+event: message\ndata: {"id":1}\n\n$/);
});

test('a stream that takes long goes on as it is', async () => {
  const headers = { 'content-type': 'text/event-stream' };
  const response = await inStream(
    after(1_300, () => new Response('data: 1\n\ndata: 2\n\n', { headers })),
    noneLeft,
  );
  expect(await response.text()).toMatch(/^(: still here\n\n)+data: 1\n\ndata: 2\n\n$/);
});

test('who leaves meanwhile is noticed, and an answer that fails breaks the stream', async () => {
  let left = 0;
  const response = await inStream(
    after(1_300, () => Response.json({})),
    () => left++,
  );
  await response.body?.cancel();
  expect(left).toBe(1);
  const failing = after(1_300, () => {
    throw new Error('gone');
  });
  const broken = await inStream(failing, noneLeft);
  await expect(broken.text()).rejects.toThrow('gone');
});
