import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';
import { signOperatorRequest } from '../../../scripts/lib/operator';
import { SCOPES, type Scope } from '../../../src/account/principal/scopes';
import type { Role } from '../../../src/config/primitives';
import { judgeMethod, METHODS } from '../../../src/gateway/request/methods';
import type { Reach } from '../../../src/upstream/policy';
import {
  connectTo,
  gateBefore,
  messageOf,
  plainServer,
  type Received,
  scripted,
} from '../../fixtures/mcp-server';
import { bodyOf, Caller, ERAS, META } from '../../fixtures/mcp-server-caller';

const [READ, WRITE, ALL]: [Scope[], Scope[], Scope[]] = [
  ['mcp:read'],
  ['mcp:read', 'mcp:write'],
  [...SCOPES],
];

function reach(scope: Scope[], changes: Partial<Reach> = {}): Reach {
  const identity = { provider: 'local', issuer: 'local', subject: 'Ada', name: 'Ada', groups: ['staff'] };
  return {
    role: 'owner' satisfies Role,
    scope,
    identity: { ...identity, email: undefined, email_verified: false },
    ...changes,
  };
}

const judge = (method: string | undefined, who: Reach, params = {}, rules: object[] = []) => {
  const verdict = judgeMethod({ method, params }, rules as never, who);
  return verdict.verdict === 'scope' ? verdict.needed.length : verdict.verdict;
};

/** What somebody is told who has no scope, who may only read, change, do all; and by an access key for some tools. */
type Row = [method: string, ...verdicts: (number | 'allowed' | 'absent')[]];
const OPEN = ['allowed', 'allowed', 'allowed', 'allowed', 'allowed'] as const;
const READS = [1, 'allowed', 'allowed', 'allowed', 'absent'] as const;
const CHANGES = [2, 2, 'allowed', 'allowed', 'absent'] as const;
const ANYTHING = [3, 3, 3, 'allowed', 'absent'] as const;
const NEVER = [3, 3, 3, 'absent', 'absent'] as const;

const TABLE: Row[] = [
  ...['initialize', 'server/discover', 'ping', 'logging/setLevel'].map((one): Row => [one, ...OPEN]),
  ...['tools/list', 'tools/call', 'subscriptions/listen'].map((one): Row => [one, ...OPEN]),
  ...['resources/list', 'resources/templates/list', 'resources/read'].map((one): Row => [one, ...READS]),
  ...['resources/subscribe', 'resources/unsubscribe', 'resources/directory/read'].map(
    (one): Row => [one, ...READS],
  ),
  ...['prompts/list', 'prompts/get', 'completion/complete'].map((one): Row => [one, ...READS]),
  ...['skills/list', 'skills/get'].map((one): Row => [one, ...READS]),
  ...['tasks/list', 'tasks/get', 'tasks/result'].map((one): Row => [one, ...READS]),
  ...['tasks/update', 'tasks/cancel'].map((one): Row => [one, ...CHANGES]),
  ...['notifications/initialized', 'notifications/cancelled', 'notifications/progress'].map(
    (one): Row => [one, ...OPEN],
  ),
  ...['notifications/roots/list_changed', 'notifications/tasks/status'].map((one): Row => [one, ...OPEN]),
];

const UNKNOWN: Row[] = [
  ...['nonsense/method', 'tools/run', 'toolbox/call', 'rpc.discover', '', 'constructor', '__proto__'].map(
    (one): Row => [one, ...ANYTHING],
  ),
  // What servers ask clients is nothing that clients ask servers.
  ...['sampling/createMessage', 'elicitation/create', 'roots/list', 'notifications/message'].map(
    (one): Row => [one, ...ANYTHING],
  ),
  // What an MCP App says to its host stays there.
  ...['ui/initialize', 'ui/message', 'ui/open-link'].map((one): Row => [one, ...ANYTHING]),
  ...[
    'Tools/Call',
    'TOOLS/CALL',
    'tools/call ',
    ' tools/call',
    'tools/call/',
    '/tools/call',
    'tools\\call',
    'tools.call',
    'toolſ/call',
    'ｔools/call',
    'tools/call\u0000',
    'tools/\u200bcall',
    'Resources/Read',
    'tasks_cancel',
    'x'.repeat(201),
  ].map((one): Row => [one, ...NEVER]),
];

describe('what each method needs', () => {
  test.each([...TABLE, ...UNKNOWN])('%j', (method, ...verdicts) => {
    const found = [[], READ, WRITE, ALL].map((scope) => judge(method, reach(scope as Scope[])));
    expect([...found, judge(method, reach(ALL, { tools: ['one_*'] }))]).toEqual(verdicts);
  });

  test('exists for every one in the table', () => {
    expect(TABLE.map(([method]) => method).sort()).toEqual(Object.keys(METHODS).sort());
  });

  test('an answer to a server’s question needs nothing more', () => {
    expect(judge(undefined, reach([], { tools: [] }))).toBe('allowed');
  });

  test('what a role can never have isn’t there', () => {
    expect(judge('nonsense/method', reach(READ, { role: 'viewer' }))).toBe('absent');
    expect(judge('tasks/cancel', reach(READ, { role: 'viewer' }))).toBe('absent');
    expect(judge('nonsense/method', reach(WRITE, { role: 'member' }))).toBe('absent');
    expect(judge('resources/read', reach(READ, { role: 'viewer' }))).toBe('allowed');
  });

  test('of tasks, and of what nobody knows, it is that the server’s rules about tools hold too', () => {
    const rules = [{ claim: 'groups', eq: 'ops', tools: 'deploy_*' }];
    for (const method of ['tasks/get', 'tasks/list', 'tasks/cancel', 'nonsense/method'])
      expect([method, judge(method, reach(ALL), {}, rules)]).toEqual([method, 'absent']);
    for (const method of ['resources/read', 'prompts/get', 'tools/call', 'ping'])
      expect([method, judge(method, reach(ALL), {}, rules)]).toEqual([method, 'allowed']);
    const ops = [{ claim: 'groups', eq: 'staff', tools: 'deploy_*' }];
    expect(judge('tasks/get', reach(ALL), {}, ops)).toBe('allowed');
  });

  test.each<[object, number | string, number | string, string]>([
    [{ toolsListChanged: true, promptsListChanged: true }, 'allowed', 'allowed', 'allowed'],
    [{ resourceSubscriptions: ['file:///a'] }, 1, 'allowed', 'absent'],
    [{ taskIds: ['t'] }, 1, 'allowed', 'absent'],
    [{ everything: true }, 1, 'allowed', 'absent'],
  ])('to listen to %j', (notifications, none, reads, byKey) => {
    const asked = (who: Reach) => judge('subscriptions/listen', who, { notifications });
    expect([asked(reach([])), asked(reach(READ)), asked(reach(ALL, { tools: ['*'] }))]).toEqual([
      none,
      reads,
      byKey,
    ]);
  });
});

/** A server that reads no more than it must: names of methods in any case, spaces around them. */
const careless = scripted(({ text }: Received) => {
  const { id, method = '', params } = messageOf({ text });
  if (id === undefined) return new Response(null, { status: 202 });
  const tools = [{ name: 'drop', inputSchema: {} }];
  const called = method.trim().toLowerCase().endsWith('tools/call');
  const result = called ? { content: [{ type: 'text', text: `ran ${params?.name}` }] } : { tools };
  return Response.json({ jsonrpc: '2.0', id, result });
});
const at = gateBefore({ careless: { behind: careless }, plain: { behind: plainServer() } });
let reader: Caller;
let owner: Caller;
beforeAll(async () => {
  const rescoped = await connectTo(at, 'careless', { scope: ['mcp:read'] });
  reader = new Caller(rescoped, 'careless');
  owner = new Caller(await connectTo(at, 'careless'), 'careless');
});

const ran = () => careless.received.some(({ text }) => /tools.call/i.test(text));

describe.each(ERAS)('who may only read runs no tool by another spelling, in the %s era', (era) => {
  test.each(['Tools/Call', 'TOOLS/CALL', 'tools/call ', 'tools/Call', 'x/tools/call'])(
    '%j',
    async (method) => {
      const headers = era === 'modern' ? { 'mcp-method': method.trim() } : { 'mcp-method': '' };
      const sent = { era, method, params: { name: 'drop', arguments: {} }, headers };
      const { status, headers: answered } = await reader.send(sent);
      // In the stateless era the header says it too, without the spaces.
      const expected = era === 'modern' && method !== method.trim() ? 400 : 403;
      expect(status).toBe(expected);
      if (expected === 403)
        expect(answered.get('www-authenticate')).toContain('mcp:read mcp:write mcp:destructive');
      expect(ran()).toBe(false);
    },
  );

  test('nor by a notification', async () => {
    const params = { name: 'drop', ...(era === 'modern' && { _meta: META }) };
    const body = JSON.stringify({ jsonrpc: '2.0', method: 'Tools/Call', params });
    const { status } = await reader.send({ era, body, headers: { 'mcp-method': '', 'mcp-name': '' } });
    expect(status).toBe(403);
    expect(ran()).toBe(false);
  });

  test('and who may do all, neither: what nearly is a known method is none', async () => {
    const headers = { 'mcp-method': '' };
    const { status, body } = await owner.send({
      era,
      method: 'Tools/Call',
      params: { name: 'drop' },
      headers: era === 'modern' ? {} : headers,
    });
    expect([status, body.error?.code]).toEqual([era === 'modern' ? 404 : 200, -32601]);
    expect(ran()).toBe(false);
  });
});

test('a method that nobody knows reaches the server of who may do all', async () => {
  const { body } = await owner.send({ method: 'x/custom' });
  expect(body.result).toBeDefined();
});

/** A service's key, as the operator's command makes one. */
async function makeServiceKey(spec: object): Promise<string> {
  const path = '/api/admin/keys';
  const body = JSON.stringify({ name: 'Robot', ...spec });
  const authorization = await signOperatorRequest(env.GATEHOUSE_KEYS ?? '', { method: 'POST', path, body });
  const answer = await at.fetch(path, { method: 'POST', headers: { authorization }, body });
  return ((await answer.json()) as { key: string }).key;
}

describe('an access key for some tools', () => {
  test('has those, and of everything else that a server has, nothing', async () => {
    const access_token = await makeServiceKey({
      servers: ['careless', 'plain'],
      tools: ['plain_look'],
      role: 'owner',
      scope: 'mcp:destructive',
    });
    const keyed = { gate: at, tokens: { access_token, refresh_token: '', expires_in: 0, scope: '' } };
    const plain = new Caller(keyed, 'plain');
    expect(await plain.tools()).toEqual(['look']);
    expect((await plain.call('look')).body.result).toBeDefined();
    expect((await plain.call('add')).body.error?.code).toBe(-32602);
    for (const method of [
      'resources/list',
      'resources/read',
      'prompts/list',
      'tasks/list',
      'Tools/Call',
      'x/y',
    ]) {
      for (const path of ['/mcp/plain', '/mcp']) {
        const { status, body } = await plain.send({ method, path, params: { uri: 'file:///a' } });
        expect([method, path, status, body.error?.code]).toEqual([method, path, 200, -32601]);
      }
    }
    expect((await plain.send({ body: bodyOf({ method: 'ping' }) })).status).toBe(200);
  });
});
