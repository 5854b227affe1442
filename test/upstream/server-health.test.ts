import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { connectWith, gateBefore, realServer, scripted } from '../fixtures/mcp-server';
import { callMcp, type Gate } from '../fixtures/worker';

interface Health {
  status: string;
  problems: { setting: string; problem: string; fix: string }[];
}

async function health(at: Gate): Promise<{ status: number; body: Health }> {
  const response = await at.fetch('/health');
  return { status: response.status, body: (await response.json()) as Health };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('/health tells of the servers behind', () => {
  test('nothing while all answer, also those that refuse who has no credential', async () => {
    const closed = scripted(() => new Response(null, { status: 401 }));
    expect(
      await health(gateBefore({ good: { behind: realServer() }, closed: { behind: closed } })),
    ).toMatchObject({ status: 200, body: { status: 'ok', problems: [] } });
  });

  test('which are down, by name and not by address, and stays 200: the others are served', async () => {
    const dead = scripted(() => Promise.reject(new Error('10.0.0.7 refused')));
    const ill = scripted(() => new Response('oops', { status: 500 }));
    const at = gateBefore({ good: { behind: realServer() }, dead: { behind: dead }, ill: { behind: ill } });
    const { status, body } = await health(at);
    expect(status).toBe(200);
    expect(body.status).toBe('degraded');
    expect(body.problems.map(({ setting, problem }) => [setting, problem])).toEqual([
      ['SERVERS[1]', 'the server "dead" can’t be reached'],
      ['SERVERS[2]', 'the server "ill" answers with status 500'],
    ]);
    expect(JSON.stringify(body)).not.toContain('10.0.0.7');
  });

  test('but not by the name of one that is for some people only', async () => {
    const dead = scripted(() => Promise.reject(new Error('refused')));
    const claims = [{ claim: 'department', eq: 'finance' }];
    const at = gateBefore({
      payroll: { behind: dead, setting: { groups: ['staff'] } },
      ledger: { behind: dead, setting: { require: claims } },
    });
    const { body } = await health(at);
    expect(body.problems.map(({ setting, problem }) => [setting, problem])).toEqual([
      ['SERVERS[0]', 'the server can’t be reached'],
      ['SERVERS[1]', 'the server can’t be reached'],
    ]);
    expect(JSON.stringify(body)).not.toMatch(/payroll|ledger/);
  });

  test('one that answers, but not with its tools, once a user was without them', async () => {
    const garbage = scripted(() => new Response('<html>', { headers: { 'content-type': 'text/html' } }));
    const at = gateBefore({ odd: { behind: garbage } });
    const { tokens } = await connectWith(at, `${at.origin}/mcp`, ['odd']);
    await callMcp(tokens.access_token, { gate: at, method: 'tools/list' });
    const { body } = await health(at);
    expect(body.problems[0]?.problem).toBe('the server "odd" did not list its tools when asked');
  });

  test('and asks none of them again for every request, but does after a while', async () => {
    const server = realServer();
    const at = gateBefore({ good: { behind: server } });
    for (let i = 0; i < 5; i++) await health(at);
    expect(server.received).toHaveLength(1);
    vi.setSystemTime(Date.now() + 16_000);
    await health(at);
    expect(server.received).toHaveLength(2);
  });
});
