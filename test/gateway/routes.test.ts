import { describe, expect, test } from 'vitest';
import { Browser, callMcp, connect, gate, gateWith } from '../fixtures/worker';

const HTML = 'text/html,application/xhtml+xml,*/*;q=0.8';

describe('the bare origin', () => {
  test('tells a browser how to connect, with the URL to paste', async () => {
    const page = await new Browser().visit('/', { headers: { accept: HTML } });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.html).toContain('http://localhost:8787/mcp');
    for (const client of ['Claude', 'ChatGPT', 'Cursor']) expect(page.html).toContain(client);
  });

  test('names PUBLIC_URL on that page', async () => {
    const page = await new Browser(gateWith({ PUBLIC_URL: 'http://127.0.0.1:9000' })).visit('/');
    expect(page.html).toContain('http://127.0.0.1:9000/mcp');
    expect(page.html).not.toContain('localhost:8787');
  });

  test.each([
    ['no Accept', {}],
    ['JSON', { accept: 'application/json' }],
    ['a stream', { accept: 'text/event-stream' }],
    ['anything', { accept: '*/*' }],
  ])('is the endpoint for a client that accepts %s', async (_what, headers) => {
    expect((await gate.fetch('/', { headers })).status).toBe(401);
  });

  test('is the endpoint for every POST, whatever it accepts', async () => {
    expect((await gate.fetch('/', { method: 'POST', headers: { accept: HTML } })).status).toBe(401);
  });
});

test('a browser that opens /mcp gets the page and no challenge', async () => {
  const page = await new Browser().visit('/mcp', { headers: { accept: HTML } });
  expect(page.status).toBe(200);
  expect(page.html).toContain('http://localhost:8787/mcp');
  expect((await gate.fetch('/mcp', { method: 'HEAD', headers: { accept: HTML } })).status).toBe(200);
});

describe('the origin and /mcp are one place', () => {
  test.each([
    ['http://localhost:8787', 'http://localhost:8787'],
    ['http://localhost:8787/', 'http://localhost:8787'],
    ['http://localhost:8787/mcp', 'http://localhost:8787/mcp'],
    ['HTTP://LOCALHOST:8787/mcp', 'http://localhost:8787/mcp'],
  ])('a token that was asked for with resource %s works at both', async (resource, canonical) => {
    const { tokens } = await connect({ request: { resource } });
    expect(tokens).toMatchObject({ resource: canonical });
    for (const path of ['/', '/mcp']) {
      const answer = await callMcp(tokens.access_token, { path });
      expect(answer.status, path).toBe(200);
      expect(answer.body.result).toMatchObject({ structuredContent: { user: { name: 'Ada' } } });
    }
  });

  test('a token that was asked for without resource works at both', async () => {
    const { tokens } = await connect();
    expect(tokens).toMatchObject({ resource: 'http://localhost:8787/mcp' });
    for (const path of ['/', '/mcp']) expect((await callMcp(tokens.access_token, { path })).status).toBe(200);
  });
});

test('a token for this deployment under another name is refused', async () => {
  const { tokens } = await connect();
  const elsewhere = gateWith({ PUBLIC_URL: 'http://127.0.0.1:9000' });
  const answer = await callMcp(tokens.access_token, { gate: elsewhere });
  expect(answer.status).toBe(401);
  expect(answer.body.error).toBe('invalid_token');
});

test('behind a proxy everything is as if sent to PUBLIC_URL', async () => {
  const origin = 'http://127.0.0.1:9000';
  const at = { ...gateWith({ PUBLIC_URL: origin }), origin };
  const { callback, tokens } = await connect({ gate: at });
  expect(callback.searchParams.get('iss')).toBe('http://127.0.0.1:9000');
  expect(tokens).toMatchObject({ resource: 'http://127.0.0.1:9000/mcp' });
  expect((await callMcp(tokens.access_token, { gate: at })).status).toBe(200);
});
