import { describe, expect, test } from 'vitest';
import { connectTo, connectWith, gateBefore, messageOf, ORIGIN, plainServer } from '../fixtures/mcp-server';
import { Caller, ERAS } from '../fixtures/mcp-server-caller';
import { callMcp } from '../fixtures/worker';
import { ACME, acmePerson, browserOf } from '../oauth/people';

const behind = plainServer();
const ALL = ['look', 'add', 'erase', 'mystery'];
const LISTED = { viewer: ['look'], member: ['look', 'add'], owner: ALL, admin: ALL };
const calls = () => behind.received.filter((request) => messageOf(request).method === 'tools/call').length;

describe.each(ERAS)('in the %s era a role', (era) => {
  test.each(Object.entries(LISTED))('of %s has %j, and the rest is not there', async (role, tools) => {
    const owner = gateBefore({ one: { behind } });
    const connected = await connectTo(owner, 'one');
    const caller = new Caller(
      { ...connected, gate: gateBefore({ one: { behind } }, { DEFAULT_ROLE: role }) },
      'one',
    );
    expect(await caller.tools({ era })).toEqual(tools);
    for (const name of ALL) {
      const before = calls();
      const { status, body } = await caller.call(name, { era });
      const reached = tools.includes(name);
      expect([name, status, body.error?.message]).toEqual([
        name,
        200,
        reached ? undefined : `Unknown tool: ${name}`,
      ]);
      expect(calls() - before).toBe(reached ? 1 : 0);
    }
  });
});

describe('a server’s own roles', () => {
  const staff = { ...acmePerson({ subject: 'sam', groups: ['staff'] }) };
  const guest = { ...acmePerson({ subject: 'gus', groups: [] }) };
  const at = gateBefore(
    {
      lower: { behind, setting: { roles: [{ role: 'viewer', provider: 'acme', groups: ['staff'] }] } },
      higher: { behind, setting: { roles: [{ role: 'owner', provider: 'acme', groups: ['staff'] }] } },
      plain: { behind },
    },
    { ...ACME, ROLES: [{ role: 'member', provider: 'acme', groups: ['staff'] }] },
  );

  test('come before the global ones there, up and down, and nowhere else', async () => {
    for (const [server, role] of [
      ['lower', 'viewer'],
      ['higher', 'owner'],
      ['plain', 'member'],
    ] as const) {
      const browser = await browserOf(staff, at);
      const caller = new Caller(await connectTo(at, server, { browser }), server);
      expect([server, await caller.tools()]).toEqual([server, LISTED[role]]);
    }
  });

  test('take effect with the next request', async () => {
    const connected = await connectTo(at, 'higher', { browser: await browserOf(staff, at) });
    expect((await new Caller(connected, 'higher').call('erase')).body.result).toBeDefined();
    const changed = gateBefore(
      { higher: { behind } },
      { ...ACME, ROLES: [{ role: 'viewer', provider: 'acme', groups: ['staff'] }] },
    );
    const { body } = await new Caller({ ...connected, gate: changed }, 'higher').call('erase');
    expect(body.error?.code).toBe(-32602);
    const none = gateBefore({ higher: { behind } }, ACME);
    expect((await new Caller({ ...connected, gate: none }, 'higher').call('look')).status).toBe(401);
  });

  test('let in who has no role anywhere else, there alone', async () => {
    const only = gateBefore(
      {
        open: { behind, setting: { roles: [{ role: 'viewer', provider: 'acme', users: ['gus'] }] } },
        plain: { behind },
      },
      { ...ACME, ROLES: [{ role: 'owner', provider: 'acme', groups: ['staff'] }] },
    );
    const browser = await browserOf(guest, only);
    const caller = new Caller(await connectTo(only, 'open', { browser }), 'open');
    expect(await caller.tools()).toEqual(['look']);
    const whole = await connectWith(only, `${ORIGIN}/mcp`, ['open', 'plain'], { browser });
    const { body } = await callMcp(whole.tokens.access_token, { gate: only });
    expect(body.result).toMatchObject({ structuredContent: { servers: ['open'] } });
  });
});

describe('the groups of a server', () => {
  const servers = { one: { behind, setting: { groups: ['staff', 'ops'] } } };
  const at = gateBefore(servers);

  test('let in who is in one of them', async () => {
    const user = { name: 'Olga', groups: 'ops' };
    expect(await new Caller(await connectTo(at, 'one', { user }), 'one').tools()).toEqual(ALL);
  });

  test('take the server away from who leaves them: it is not there any more', async () => {
    const acme = gateBefore(servers, { ...ACME, DEFAULT_ROLE: 'owner' });
    const person = acmePerson({ subject: 'leaver', groups: ['staff'] });
    const caller = new Caller(
      await connectTo(acme, 'one', { browser: await browserOf(person, acme) }),
      'one',
    );
    expect(await caller.tools()).toEqual(ALL);
    await browserOf({ ...person, groups: [] }, acme);
    const before = behind.received.length;
    expect((await caller.send()).status).toBe(404);
    expect(behind.received.length).toBe(before);
  });
});
