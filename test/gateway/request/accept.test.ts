import { beforeAll, describe, expect, test } from 'vitest';
import { accepts, acceptsAnswers, notAcceptable, spelledOut } from '../../../src/gateway/request/accept';
import { connectTo, connectWith, gateBefore, realServer } from '../../fixtures/mcp-server';
import { Caller, ERAS } from '../../fixtures/mcp-server-caller';

/* `Accept` as RFC 9110 has it (section 12.5.1). */

const BOTH = 'application/json, text/event-stream';

test.each<[accept: string, json: boolean, events: boolean]>([
  [BOTH, true, true],
  ['*/*', true, true],
  ['application/*, text/*', true, true],
  ['application/*', true, false],
  ['text/*', false, true],
  ['Application/JSON , TEXT/Event-Stream', true, true],
  ['application/json;q=0.5, */*;q=0.1', true, true],
  ['application/json; charset=utf-8, text/event-stream;q=1', true, true],
  ['application/json;q=0, */*', false, true],
  ['*/*, text/event-stream; q=0.000', true, false],
  ['application/*;q=0, application/json, text/*', true, true],
  ['text/html', false, false],
  ['application/jsonp, text/event-streams', false, false],
  ['*', false, false],
  ['', false, false],
])('%s', (accept, json, events) => {
  expect(accepts(accept, 'application/json')).toBe(json);
  expect(accepts(accept, 'text/event-stream')).toBe(events);
  expect(acceptsAnswers(new Headers({ accept }))).toBe(json && events);
});

test('without it anything is accepted', () => {
  expect(acceptsAnswers(new Headers())).toBe(true);
  expect([spelledOut(null), spelledOut('')]).toEqual([BOTH, BOTH]);
});

test.each([
  [BOTH, BOTH],
  ['*/*', `*/*, ${BOTH}`],
  ['APPLICATION/JSON', 'APPLICATION/JSON, application/json'],
  ['text/*;q=0.3', 'text/*;q=0.3, text/event-stream'],
  ['application/json', 'application/json'],
  ['text/html', 'text/html'],
])('%s is spelled out as %s', (accept, spelled) => {
  expect(spelledOut(accept)).toBe(spelled);
});

test('what nothing can be sent to is 406', () => {
  expect(notAcceptable().status).toBe(406);
});

const at = gateBefore({ one: { behind: realServer() } });
let callers: [path: string, caller: Caller][];
beforeAll(async () => {
  callers = [
    ['/mcp/one', new Caller(await connectTo(at, 'one'), 'one')],
    ['/mcp', new Caller(await connectWith(at, `${at.origin}/mcp`, ['one']), 'one')],
  ];
});

describe.each(ERAS)('at both endpoints, in the %s era', (era) => {
  test.each(['*/*', 'application/*, text/*', 'APPLICATION/JSON, TEXT/EVENT-STREAM', ''])(
    '%j will do',
    async (accept) => {
      for (const [path, caller] of callers) {
        const { status, body } = await caller.send({ era, path, method: 'tools/list', headers: { accept } });
        expect([path, status]).toEqual([path, 200]);
        expect(body.result).toHaveProperty('tools');
      }
    },
  );

  test('a type that is no answer is 406, where the server is of the 2025 era', async () => {
    if (era === 'modern') return;
    for (const [path, caller] of callers) {
      const { status } = await caller.send({
        era,
        path,
        method: 'tools/list',
        headers: { accept: 'image/png' },
      });
      expect([path, status]).toEqual([path, 406]);
    }
  });
});
