import { expect, test } from 'vitest';
import { type Attempt, maySendAgain } from '../../src/upstream/send-again';

const status = (code: number, { answersIt = false, inSession = false } = {}): Attempt => ({
  outcome: 'status',
  status: code,
  answersIt,
  inSession,
});

/* Never twice, unless the server can't have begun it. */
test.each<[what: string, attempt: Attempt, again: boolean]>([
  ['there was no connection', { outcome: 'not_sent' }, true],
  ['too slow, broken off, unreadable', { outcome: 'no_answer' }, false],
  ['401 to the credential', status(401), true],
  ['401 that answers this very id', status(401, { answersIt: true }), false],
  ['404 in a session: it is forgotten', status(404, { inSession: true }), true],
  ['404 in a session that answers this very id', status(404, { inSession: true, answersIt: true }), false],
  ['404 outside of any', status(404), false],
  ['400 in a session: some say so that it is forgotten', status(400, { inSession: true }), true],
  ['400 that answers this very id', status(400, { inSession: true, answersIt: true }), false],
  ['400 outside of any session', status(400), false],
  ['403', status(403, { inSession: true }), false],
  ['409', status(409, { inSession: true }), false],
  ['429', status(429, { inSession: true }), false],
  ['500', status(500, { inSession: true }), false],
  ['502', status(502), false],
  ['503', status(503), false],
  ['504', status(504), false],
])('%s', (_what, attempt, again) => {
  expect(maySendAgain(attempt)).toBe(again);
});
