import { describe, expect, test } from 'vitest';
import { FAULTS, faultOfStatus, faultText, type ServerFault } from '../../src/upstream/server-fault';

/* What a person or a model reads of a server that failed. */

const MAYBE = 'The call may have taken effect: check that before you repeat it';

describe('each fault has words of its own', () => {
  test.each<[ServerFault, string]>([
    ['server_unreachable', `can’t be reached. ${MAYBE}`],
    ['server_too_slow', `took too long to answer. ${MAYBE}`],
    ['server_redirects', 'answered with a redirect, which is never followed'],
    ['server_not_mcp', `gave an answer that is not MCP. ${MAYBE}`],
    ['server_refuses_gate', 'refused the gate’s credential'],
    ['server_list_too_large', 'sent a list that is too large'],
    ['server_busy', 'is busy. Try again later'],
    ['server_failed', `failed. ${MAYBE}`],
    ['server_broke_off', `broke its answer off. ${MAYBE}`],
  ])('%s', (fault, says) => {
    expect(faultText(fault, 'Notes', { mayHaveActed: true })).toBe(`The server “Notes” ${says}`);
    expect(faultText(fault, 'Notes')).not.toContain('taken effect');
  });

  test('and no two are alike', () => {
    const texts = Object.keys(FAULTS).map((fault) => faultText(fault as ServerFault, 'Notes'));
    expect(new Set(texts).size).toBe(texts.length);
  });

  test.each([
    [1, '1 second'],
    [30, '30 seconds'],
    [0, '0 seconds'],
  ])('busy for %i s', (retryAfter, says) => {
    expect(faultText('server_busy', 'Notes', { retryAfter, mayHaveActed: true })).toBe(
      `The server “Notes” is busy. Try again in ${says}`,
    );
  });
});

describe('the fault of a status', () => {
  test.each<[number, string | undefined, ServerFault, number | undefined]>([
    [401, undefined, 'server_refuses_gate', undefined],
    [403, undefined, 'server_refuses_gate', undefined],
    [429, undefined, 'server_busy', undefined],
    [429, '7', 'server_busy', 7],
    [429, 'soon', 'server_busy', undefined],
    [503, '120', 'server_busy', 120],
    [503, undefined, 'server_failed', undefined],
    [500, undefined, 'server_failed', undefined],
    [504, undefined, 'server_failed', undefined],
    [409, undefined, 'server_not_mcp', undefined],
    [418, undefined, 'server_not_mcp', undefined],
  ])('%i with Retry-After %s', (status, after, fault, retryAfter) => {
    const headers = new Headers(after === undefined ? {} : { 'retry-after': after });
    expect(faultOfStatus(status, headers)).toEqual({ fault, retryAfter });
  });

  test('a date is seconds from now, and none that has passed', () => {
    const at = (ms: number) => new Headers({ 'retry-after': new Date(Date.now() + ms).toUTCString() });
    const { retryAfter = 0 } = faultOfStatus(429, at(90_000));
    expect(Math.abs(retryAfter - 90)).toBeLessThan(3);
    expect(faultOfStatus(429, at(-90_000)).retryAfter).toBe(0);
  });
});
