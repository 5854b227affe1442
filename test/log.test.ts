import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeKey } from '../src/account/keys/text';
import { record } from '../src/audit/record';
import type { RequestContext } from '../src/config/deployment';
import { writeLog } from '../src/log';

let lines: string[];
beforeEach(() => {
  lines = [];
  for (const level of ['log', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line) => void lines.push(String(line)));
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

const deployment = { env, requestId: 'request-1', settings: { audit: { mode: 'background' } } };
const c = { var: { deployment } } as unknown as Pick<RequestContext, 'var'>;
const USER = 'X8CkKHHcgQiM-nLtReaHTf-MexUJqR6O';

describe('a line of the log', () => {
  it('has nothing of a stranger’s that is longer than 100 characters, in any field', () => {
    const long = 'x'.repeat(10_000);
    const event = {
      event: 'tool_call',
      outcome: 'refused',
      reason: long,
      detail: long,
      client: long,
    } as const;
    record(c, { ...event, server: long, user: long, grant: long });
    const [line = ''] = lines;
    const fields = Object.values(JSON.parse(line) as Record<string, string>);
    expect(Math.max(...fields.map((field) => field.length))).toBe(100);
    expect(line).toContain('"request_id":"request-1"');
  });

  it('has no key, whatever field it was sent as', async () => {
    const { text: key } = await makeKey(USER);
    record(c, { event: key, outcome: 'failed', reason: key, detail: `sent ${key}`, client: key });
    expect(lines[0]).not.toMatch(/gth_/);
    expect(lines[0]).toContain('sent [key]');
  });

  it('is held to that in details that are no text, names and nested ones included', async () => {
    const { text: key } = await makeKey(USER);
    const details: unknown[] = [
      { [key]: 1 },
      { list: [[key]], deep: { a: { b: { c: { d: { e: key } } } } } },
      new Error(`no such tool: ${key}${'y'.repeat(500)}`),
      Object.assign(new Error('outer'), { cause: key }),
      ['x'.repeat(1000)],
      { toString: 1, toJSON: () => key },
      12n ** 200n,
      Symbol(key),
      () => key,
      undefined,
      null,
      Number.NaN,
    ];
    for (const detail of details) writeLog('log', { event: 'x', detail });
    expect(lines).toHaveLength(details.length);
    for (const line of lines) {
      expect(line).not.toMatch(/gth_/);
      expect(line).not.toMatch(/[^"\\]{120}/);
      expect(() => JSON.parse(line)).not.toThrow();
    }
  });

  it('ends although the event refers to itself, or has a member for every request', () => {
    const event: Record<string, unknown> = { event: 'x' };
    event.self = event;
    event.many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`m${at}`, at]));
    writeLog('log', event);
    expect(lines[0]?.length).toBeLessThan(5000);
  });

  it('is one line', () => {
    record(c, { event: 'x', outcome: 'ok', detail: 'a\n{"event":"forged"}\u2028\r\u0000' });
    expect(lines[0]).not.toMatch(/[\n\r\u2028\0]|\\n|\\u0000/);
  });
});
