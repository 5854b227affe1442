import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { createMcpHandler } from 'agents/mcp/server';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Behind, connectWith, gateBefore, scripted } from '../../fixtures/mcp-server';
import { Caller } from '../../fixtures/mcp-server-caller';
import { callMcp } from '../../fixtures/worker';

/** A server whose resources, template and prompt have the same names as every other's here. */
function library(name: string): Behind {
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name, version: '1.0.0' });
    server.registerResource('readme', 'file:///readme', { title: `Read me of ${name}` }, async (uri) => ({
      contents: [{ uri: uri.href, text: `readme of ${name}` }],
    }));
    server.registerResource('own', `file:///${name}`, {}, async (uri) => ({
      contents: [{ uri: uri.href, text: `own of ${name}` }],
      ttlMs: 5_000,
      cacheScope: 'public' as const,
    }));
    const template = new ResourceTemplate(`${name}://{id}`, {
      list: undefined,
      complete: { id: () => [`${name}-1`, `${name}-2`] },
    });
    server.registerResource('thing', template, {}, async (uri, { id }) => ({
      contents: [{ uri: uri.href, text: `${id} of ${name}` }],
    }));
    const argsSchema = z.object({ topic: z.string() });
    server.registerPrompt('explain', { argsSchema }, ({ topic }) => ({
      messages: [
        { role: 'user', content: { type: 'text', text: `${name} explains ${topic}` } },
        { role: 'user', content: { type: 'resource_link', uri: 'file:///readme', name: 'readme' } },
      ],
    }));
    return server;
  });
  return scripted(({ url, method, headers, text }) =>
    handler.fetch(new Request(url, { method, headers, ...(text === '' ? {} : { body: text }) })),
  );
}

const [one, two] = [library('one'), library('two')];
const secret = library('secret');
const gate = gateBefore({
  one: { behind: one },
  two: { behind: two },
  secret: { behind: secret, setting: { groups: ['nobody'] } },
});
let token: string;
let caller: Caller;
beforeAll(async () => {
  const connected = await connectWith(gate, `${gate.origin}/mcp`, ['one', 'two'], { scope: ['mcp:read'] });
  token = connected.tokens.access_token;
  caller = new Caller(connected, '');
});

async function ask(method: string, params: Record<string, unknown> = {}) {
  const { body } = await callMcp(token, { gate, method, params });
  return body as {
    result: Record<string, { uri: string; text: string; name: string; uriTemplate: string }[]>;
    error?: { code: number; message: string };
  };
}

const read = (uri: string) => ask('resources/read', { uri });

test('what was read with a grant is nobody else’s to cache, whatever its server says', async () => {
  const params = { uri: 'mcp+one+file:///one' };
  const { body } = await caller.send({ path: '/mcp', era: 'modern', method: 'resources/read', params });
  expect(body.result).toMatchObject({ cacheScope: 'private', ttlMs: 5_000 });
});

describe('two servers with the same resource', () => {
  test('are both listed with it, and each read gives its own, under the URI that was asked for', async () => {
    const { result } = await ask('resources/list');
    const uris = (result.resources ?? []).map(({ uri }) => uri);
    expect(uris).toEqual([
      'mcp+one+file:///readme',
      'mcp+one+file:///one',
      'mcp+two+file:///readme',
      'mcp+two+file:///two',
    ]);
    for (const server of ['one', 'two']) {
      const uri = `mcp+${server}+file:///readme`;
      expect((await read(uri)).result.contents).toEqual([{ uri, text: `readme of ${server}` }]);
    }
  });

  test('are asked for by name when the bare URI is of both, and not when it is of one', async () => {
    const { error } = await read('file:///readme');
    expect(error?.code).toBe(-32602);
    expect(error?.message).toContain('mcp+one+file:///readme or mcp+two+file:///readme');
    const uri = 'file:///two';
    expect((await read(uri)).result.contents).toEqual([{ uri, text: 'own of two' }]);
    expect((await read('two://7')).result.contents).toEqual([{ uri: 'two://7', text: '7 of two' }]);
  });

  test.each([
    'file:///nothing',
    'mcp+three+file:///readme',
    'mcp+secret+file:///readme',
    'file:///secret',
    '',
  ])('have nothing at %j, and no other server is asked', async (uri) => {
    const before = secret.received.length;
    expect((await read(uri)).error).toMatchObject({ code: expect.any(Number) });
    expect(secret.received).toHaveLength(before);
  });
});

describe('templates, prompts and completion', () => {
  test('are of their own server, under its name', async () => {
    const { result } = await ask('resources/templates/list');
    const templates = (result.resourceTemplates ?? []).map(({ uriTemplate }) => uriTemplate);
    expect(templates).toEqual(['mcp+one+one://{id}', 'mcp+two+two://{id}']);
    const uri = 'mcp+one+one://5';
    expect((await read(uri)).result.contents).toEqual([{ uri, text: '5 of one' }]);
    const ref = { type: 'ref/resource', uri: 'mcp+two+two://{id}' };
    const completed = await ask('completion/complete', { ref, argument: { name: 'id', value: '' } });
    expect(completed.result.completion).toMatchObject({ values: ['two-1', 'two-2'] });
  });

  test('a prompt links to its own server’s resource, as it is read here', async () => {
    const { result } = await ask('prompts/list');
    expect((result.prompts ?? []).map(({ name }) => name)).toEqual(['one_explain', 'two_explain']);
    const got = await ask('prompts/get', { name: 'two_explain', arguments: { topic: 'gates' } });
    expect(got.result.messages).toMatchObject([
      { content: { text: 'two explains gates' } },
      { content: { type: 'resource_link', uri: 'mcp+two+file:///readme' } },
    ]);
  });

  test.each(['secret_explain', 'one_nothing', 'explain', ''])('there is no prompt %j', async (name) => {
    expect((await ask('prompts/get', { name })).error).toMatchObject({ code: -32602 });
  });
});
