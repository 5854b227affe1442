import { expect, it } from 'vitest';
import { Serial } from '../src/serial';

/** A task that ends when it is told to. */
function task(log: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const run = () => {
    log.push(`${name} begins`);
    return promise.finally(() => log.push(`${name} ends`));
  };
  return { run, resolve: () => resolve(name), fail: () => reject(new Error(name)) };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

it('takes what has one key one after the other, in the order of asking', async () => {
  const [serial, log] = [new Serial(), [] as string[]];
  const tasks = ['a', 'b', 'c'].map((name) => task(log, name));
  const runs = tasks.map(({ run }) => serial.run('grant', run));
  for (const { resolve } of tasks.toReversed()) resolve();
  expect(await Promise.all(runs)).toEqual(['a', 'b', 'c']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

it('keeps nobody waiting for another key', async () => {
  const [serial, log] = [new Serial(), [] as string[]];
  const [slow, quick] = [task(log, 'slow'), task(log, 'quick')];
  const waiting = serial.run('one', slow.run);
  quick.resolve();
  expect(await serial.run('two', quick.run)).toBe('quick');
  expect(log).not.toContain('slow ends');
  slow.resolve();
  await waiting;
});

it('tells a failure to who asked, and goes on with the next', async () => {
  const [serial, log] = [new Serial(), [] as string[]];
  const [failing, next] = [task(log, 'failing'), task(log, 'next')];
  const outcomes = Promise.allSettled([serial.run('grant', failing.run), serial.run('grant', next.run)]);
  failing.fail();
  next.resolve();
  expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
});

it('lets one that comes after all others have ended begin at once', async () => {
  const [serial, log] = [new Serial(), [] as string[]];
  const [first, second] = [task(log, 'first'), task(log, 'second')];
  first.resolve();
  await serial.run('grant', first.run);
  const running = serial.run('grant', second.run);
  await settled();
  expect(log.at(-1)).toBe('second begins');
  second.resolve();
  await running;
});
