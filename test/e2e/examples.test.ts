import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { connectModern, connectOne, connectTwo } from '../fixtures/full-clients';
import { type ClientKind, client2, client2Modern, sdk1 } from '../fixtures/mcp-clients';
import { MemoryOAuth } from '../fixtures/mcp-oauth';
import { startCallback } from './harness/callback';
import { type Gate, startGate } from './harness/gate';
import { type Granted, grant } from './harness/oauth';
import { walk } from './harness/walk';

/** As `npm start` runs it. */
const CONFIGS = ['-c', 'examples/wrangler.toml', '-c', 'examples/notes/wrangler.toml'];

let gate: Gate;
beforeAll(async () => {
  gate = await startGate({ args: CONFIGS });
});
afterAll(() => gate?.stop());

const endpoint = (server: string) => `${gate.origin}/mcp/${server}`;

function allow(name: string, server: string, scope: string, earlier?: Granted): Promise<Granted> {
  const same = earlier ? { client: earlier.client, walker: earlier.walker } : {};
  const choices = { scopes: [scope], servers: [server] };
  return grant(gate, name, { params: { resource: endpoint(server) }, choices, ...same });
}

async function connect(server: string, { tokens }: Granted, headers: Record<string, string> = {}) {
  const transport = new StreamableHTTPClientTransport(new URL(endpoint(server)), {
    requestInit: { headers: { ...headers, authorization: `Bearer ${tokens.access_token}` } },
  });
  const client = new Client({ name: 'e2e', version: '1.0.0' });
  // Its `sessionId` is optional where the SDK's own interface has it undefined.
  await client.connect(transport as Parameters<Client['connect']>[0]);
  onTestFinished(() => client.close());
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const { content } = await client.callTool({ name, arguments: args });
    return (content as { text: string }[])[0]?.text ?? '';
  };
  return { client, call };
}

function postList(url: string, headers: Record<string, string>): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  });
}

type Call = (name: string, args: Record<string, unknown>) => Promise<string>;

/** Writes a note and returns its number. */
async function write(call: Call, title: string): Promise<number> {
  const said = await call('write_note', { title, text: `${title}, at length` });
  return Number(/^Note (\d+) has been added/.exec(said)?.[1]);
}

describe('notes, a Worker of its own that trusts the identity token', () => {
  test('keeps what each user writes to that user', async () => {
    const ada = await connect('notes', await allow('Ada', 'notes', 'mcp:write'));
    const grace = await connect('notes', await allow('Grace', 'notes', 'mcp:write'));
    const id = await write(ada.call, 'Engine');
    expect(await ada.call('find_notes', { text: 'engine' })).toBe(`${id}: Engine`);
    expect(await ada.call('read_note', { id })).toBe('Engine\n\nEngine, at length');
    expect(await grace.call('find_notes')).toBe('No notes found.');
    expect(await grace.call('read_note', { id })).toBe('There is no note with that number.');
    expect(ada.client.getServerVersion()?.title).toBe('Notes of Ada');
    expect(grace.client.getServerVersion()?.title).toBe('Notes of Grace');
    const { resources } = await ada.client.listResources();
    expect(resources).toMatchObject([{ uri: `note://${id}`, name: 'Engine' }]);
    const read = await ada.client.readResource({ uri: `note://${id}` });
    expect(read.contents).toMatchObject([{ text: 'Engine\n\nEngine, at length' }]);
    expect((await grace.client.listResources()).resources).toEqual([]);
  });

  test('deletes nothing until the user allowed it: a step-up', async () => {
    const before = await allow('Joan', 'notes', 'mcp:write');
    const { client, call } = await connect('notes', before);
    const id = await write(call, 'Draft');
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['find_notes', 'read_note', 'write_note', 'delete_note']);
    await expect(call('delete_note', { id })).rejects.toThrow(/insufficient|403/);
    expect(await call('read_note', { id })).toContain('Draft');
    const more = await connect('notes', await allow('Joan', 'notes', 'mcp:destructive', before));
    expect(await more.call('delete_note', { id })).toBe(`Note ${id} has been deleted.`);
    expect(await more.call('find_notes')).toBe('No notes found.');
  });

  test('tells who listens when the list of notes changes', async () => {
    const granted = await allow('Mary', 'notes', 'mcp:write');
    const transport = new ModernTransport(new URL(endpoint('notes')), {
      requestInit: { headers: { authorization: `Bearer ${granted.tokens.access_token}` } },
    });
    const options = { versionNegotiation: { mode: { pin: '2026-07-28' } } };
    const client = new ModernClient({ name: 'e2e', version: '1.0.0' }, options);
    const changed: string[] = [];
    client.setNotificationHandler('notifications/resources/list_changed', () => {
      changed.push('resources');
    });
    await client.connect(transport);
    onTestFinished(() => client.close());
    const subscription = await client.listen({ resourcesListChanged: true });
    expect(subscription.honoredFilter).toEqual({ resourcesListChanged: true });
    await client.callTool({ name: 'write_note', arguments: { title: 'New', text: '' } });
    await expect.poll(() => changed).toEqual(['resources']);
    await subscription.close();
  });

  test('takes nobody’s word for who is calling', async () => {
    const ada = await allow('Emmy', 'notes', 'mcp:write');
    const own = await connect('notes', ada);
    const id = await write(own.call, 'Ring');
    const forged = await connect('notes', await allow('Eve', 'notes', 'mcp:write'), {
      'gatehouse-identity': 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJFbW15In0.',
      cookie: 'user=Emmy',
      'x-user': 'Emmy',
      'x-authorization': 'Bearer Emmy',
    });
    expect(await forged.call('read_note', { id })).toBe('There is no note with that number.');
    expect(forged.client.getServerVersion()?.title).toBe('Notes of Eve');
  });
});

describe('notes, called without the identity token that it asks for', () => {
  test('refuses: no token, one for another server, one that somebody else signed', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const claims = { sub: 'somebody', name: 'Somebody', aud: `${gate.origin}/mcp/notes` };
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'made-up' })
      .setIssuer(gate.origin)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
    const servers = [
      { name: 'notes', auth: 'identity' },
      { name: 'silent', auth: 'none' },
      { name: 'other', auth: 'identity' },
      { name: 'forged', auth: 'static' },
    ].map((server) => ({ ...server, binding: 'NOTES' }));
    const vars = { SERVERS: servers, SERVER_FORGED_SECRET: `Bearer ${forged}` };
    const wrong = await startGate({ args: CONFIGS, vars });
    onTestFinished(wrong.stop);
    const answers: Record<string, number> = {};
    for (const { name } of servers) {
      const url = `${wrong.origin}/mcp/${name}`;
      const { tokens } = await grant(wrong, 'Ada', {
        params: { resource: url },
        choices: { servers: [name] },
      });
      const response = await postList(url, { authorization: `Bearer ${tokens.access_token}` });
      answers[name] = response.status;
    }
    expect(answers).toEqual({ notes: 200, silent: 502, other: 502, forged: 502 });
  });
});

describe('clock, inside the gate’s own Worker', () => {
  test('says the time anywhere, to anyone who may ask', async () => {
    const { call, client } = await connect('clock', await allow('Ada', 'clock', 'mcp:read'));
    const moment = '2027-01-31T09:00:00Z';
    expect(await call('time_in', { moment, time_zone: 'Asia/Tokyo' })).toContain('6:00:00');
    expect(await call('time_now')).toMatch(/UTC \(\d{4}-/);
    const wrong = await client.callTool({ name: 'time_now', arguments: { time_zone: 'Atlantis' } });
    expect(wrong.isError).toBe(true);
  });

  test('has nothing to say without a token, or with one for another server', async () => {
    const { tokens } = await allow('Ada', 'clock', 'mcp:read');
    const authorization = `Bearer ${tokens.access_token}`;
    expect((await postList(endpoint('clock'), { authorization })).status).toBe(200);
    expect((await postList(endpoint('clock'), {})).status).toBe(401);
    expect((await postList(endpoint('notes'), { authorization })).status).toBe(401);
  });
});

describe.each<ClientKind>([client2, client2Modern, sdk1])('$name', (kind) => {
  test('connects to notes with nothing but the URL', async () => {
    const callback = await startCallback();
    onTestFinished(callback.close);
    const oauth = new MemoryOAuth(callback.uri, kind.name);
    const client = await kind.connect(endpoint('notes'), oauth, async (url) => {
      const browser = walk(gate);
      const params = Object.fromEntries(url.searchParams);
      expect(params.resource).toBe(endpoint('notes'));
      return browser.allow(params, 'Radia');
    });
    onTestFinished(() => client.close());
    expect(await client.tools()).toContain('write_note');
  });
});

describe.each([
  { name: '1.x', person: 'Katherine', open: connectOne },
  { name: '2.x', person: 'Dorothy', open: connectTwo },
  { name: '2.x, revision 2026-07-28', person: 'Annie', open: connectModern },
])('notes and clock at /mcp, by the $name client', ({ person, open }) => {
  test('stand side by side, each with all that it has', async () => {
    const url = `${gate.origin}/mcp`;
    const choices = { scopes: ['mcp:write'], servers: ['notes', 'clock'] };
    const { tokens } = await grant(gate, person, { params: { resource: url }, choices });
    const { client, call } = await open(url, { bearer: () => tokens.access_token });
    onTestFinished(() => client.close());
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['whoami', 'notes_write_note', 'clock_time_in']));
    const said = async (name: string, args: Record<string, unknown>) =>
      ((await call(name, args)).content as { text: string }[])[0]?.text ?? '';
    const id = await write((name, args) => said(`notes_${name}`, args), 'Orbit');
    const uri = `mcp+notes+note://${id}`;
    expect((await client.listResources()).resources).toMatchObject([{ uri, name: 'Orbit' }]);
    expect((await client.readResource({ uri })).contents).toMatchObject([{ uri, text: expect.any(String) }]);
    const moment = { moment: '2027-01-31T09:00:00Z', time_zone: 'Asia/Tokyo' };
    expect(await said('clock_time_in', moment)).toContain('6:00:00');
    await expect(call('notes_delete_note', { id })).rejects.toThrow(/insufficient|403/i);
  });
});
