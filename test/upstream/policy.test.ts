import { describe, expect, test } from 'vitest';
import type { Scope } from '../../src/account/principal/scopes';
import type { Role } from '../../src/config/primitives';
import { parseSettings } from '../../src/config/settings';
import { accessOf, judgeTool, publishTool, type Reach, type ToolAccess } from '../../src/upstream/policy';

function serverWith(changes: object = {}) {
  const [server] = parseSettings({
    SERVERS: [{ name: 'one', url: 'https://one.example/mcp', auth: 'none', ...changes }],
  }).settings.servers;
  if (!server) throw new Error('the setting is wrong');
  return server;
}

function reach(role: Role, scope: Scope[], groups: string[] = []): Reach {
  const identity = { provider: 'local', issuer: 'local', subject: 'Ada', name: 'Ada', groups };
  return { role, scope, identity: { ...identity, email: undefined, email_verified: false } };
}

const ALL: Scope[] = ['mcp:read', 'mcp:write', 'mcp:destructive'];

describe('what a tool does', () => {
  test.each<[object | undefined, ToolAccess]>([
    [undefined, 'destructive'],
    [{}, 'destructive'],
    [{ readOnlyHint: false }, 'destructive'],
    [{ title: 'Nice' }, 'destructive'],
    [{ destructiveHint: true }, 'destructive'],
    [{ destructiveHint: false }, 'write'],
    [{ readOnlyHint: true }, 'read'],
    [{ readOnlyHint: true, destructiveHint: true }, 'read'],
    [{ readOnlyHint: 'true', destructiveHint: 'false' }, 'destructive'],
    [{ readOnlyHint: 1, destructiveHint: 0 }, 'destructive'],
  ])('with the hints %j is %s', (annotations, access) => {
    const tool = { name: 'tool', ...(annotations && { annotations }) };
    expect(accessOf(tool, serverWith())).toBe(access);
  });

  test('is what the first rule that matches says, whatever the tool says of itself', () => {
    const server = serverWith({
      tools: [
        { match: 'get_secret', access: 'hidden' },
        { match: 'get_*', access: 'read' },
        { match: '*', access: 'write' },
      ],
    });
    const of = (name: string) => accessOf({ name, annotations: { destructiveHint: true } }, server);
    expect(['get_secret', 'get_secrets', 'get_', 'forget_it', 'GET_x'].map(of)).toEqual([
      'hidden',
      'read',
      'read',
      'write',
      'write',
    ]);
  });
});

describe('an access key that is held to some tools', () => {
  const held = { ...reach('owner', ALL), tools: ['one_get_*', 'two_*'] };

  test('reaches those, by the name that they have at /mcp, and knows of no others', () => {
    const verdict = (name: string) => judgeTool({ name }, serverWith(), held).verdict;
    expect(['get_it', 'forget_it', 'two_it', 'one_get_it'].map(verdict)).toEqual([
      'allowed',
      'absent',
      'absent',
      'absent',
    ]);
    expect(publishTool({ name: 'forget_it' }, serverWith(), held)).toBeUndefined();
  });

  test('may do no more with them than its scope and role allow', () => {
    const tool = { name: 'get_it', annotations: { destructiveHint: true } };
    expect(judgeTool(tool, serverWith(), { ...held, scope: ['mcp:read'] }).verdict).toBe('scope');
    expect(judgeTool(tool, serverWith(), { ...held, role: 'viewer' }).verdict).toBe('absent');
  });
});

describe('a call', () => {
  const hints = { read: { readOnlyHint: true }, write: { destructiveHint: false }, destructive: {} };

  test.each<[Role, keyof typeof hints, Scope[], object]>([
    ['viewer', 'read', ['mcp:read'], { verdict: 'allowed' }],
    ['viewer', 'write', ALL, { verdict: 'absent' }],
    ['viewer', 'destructive', ALL, { verdict: 'absent' }],
    ['member', 'write', ['mcp:read', 'mcp:write'], { verdict: 'allowed' }],
    ['member', 'write', ['mcp:read'], { verdict: 'scope', needed: ['mcp:read', 'mcp:write'] }],
    ['member', 'destructive', ALL, { verdict: 'absent' }],
    ['owner', 'destructive', ALL, { verdict: 'allowed' }],
    ['owner', 'destructive', ['mcp:read', 'mcp:write'], { verdict: 'scope', needed: ALL }],
    ['admin', 'destructive', ['mcp:read'], { verdict: 'scope', needed: ALL }],
    ['admin', 'read', [], { verdict: 'scope', needed: ['mcp:read'] }],
  ])('of a %s to a tool that is %s, with %j, is %j', (role, access, scope, verdict) => {
    const tool = { name: 'tool', annotations: hints[access] };
    expect(judgeTool(tool, serverWith(), reach(role, scope))).toEqual(verdict);
  });

  test('to a hidden tool is one to nothing, for every caller', () => {
    const server = serverWith({ tools: [{ match: 'tool', access: 'hidden' }] });
    expect(judgeTool({ name: 'tool' }, server, reach('admin', ALL))).toEqual({ verdict: 'absent' });
  });

  test('is held to the claims that its tool requires, and no other tool', () => {
    const server = serverWith({ require: [{ claim: 'groups', eq: 'ops', tools: 'deploy_*' }] });
    const judge = (name: string, groups: string[]) =>
      judgeTool({ name }, server, reach('owner', ALL, groups)).verdict;
    expect(judge('deploy_now', [])).toBe('absent');
    expect(judge('deploy_now', ['ops'])).toBe('allowed');
    expect(judge('look', [])).toBe('allowed');
  });
});

describe('a tool as it is listed', () => {
  test('has what the gate decided in addition to all that the server said', () => {
    const tool = {
      name: 'tool',
      title: 'Tool',
      inputSchema: { type: 'object' },
      annotations: { title: 'T', idempotentHint: true, readOnlyHint: true },
    };
    const server = serverWith({ tools: [{ match: '*', access: 'destructive' }] });
    expect(publishTool(tool, server, reach('owner', ['mcp:read']))).toEqual({
      ...tool,
      annotations: { title: 'T', idempotentHint: true, readOnlyHint: false, destructiveHint: true },
    });
  });

  test('is there when more scope would unlock it, and not when nothing would', () => {
    expect(publishTool({ name: 'tool' }, serverWith(), reach('owner', ['mcp:read']))).toBeDefined();
    expect(publishTool({ name: 'tool' }, serverWith(), reach('member', ALL))).toBeUndefined();
  });
});
