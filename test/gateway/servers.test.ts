import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Connected,
  connectTo,
  connectWith,
  gateBefore,
  messageOf,
  ORIGIN,
  openConsent,
  plainServer,
  TOOLS,
} from '../fixtures/mcp-server';
import { Caller, ERAS } from '../fixtures/mcp-server-caller';
import { Browser, callMcp, formWith, makePkce, registerClient, textOf } from '../fixtures/worker';

const one = plainServer();
const two = plainServer();
const staff = plainServer();
const servers = {
  one: {
    behind: one,
    setting: {
      title: 'The One',
      description: 'Does one thing.',
      tools: [
        { match: 'hidden_*', access: 'hidden' },
        { match: 'safe_*', access: 'read' },
      ],
      require: [{ claim: 'groups', eq: 'ops', tools: 'deploy' }],
    },
  },
  two: { behind: two },
  staff: { behind: staff, setting: { groups: ['staff'] } },
  ops: { behind: plainServer(), setting: { require: [{ claim: 'groups', eq: 'ops' }] } },
};
const at = gateBefore(servers);
const EXTRA = { hidden_one: { readOnlyHint: true }, safe_look: undefined, deploy: { readOnlyHint: true } };
const many = plainServer({ ...TOOLS, ...EXTRA });
const atMany = gateBefore({ ...servers, one: { ...servers.one, behind: many } });

let ada: Connected;
beforeAll(async () => {
  ada = await connectTo(at, 'one');
});

const calls = (behind: typeof one) =>
  behind.received.filter((request) => messageOf(request).method === 'tools/call').length;

describe.each(ERAS)('what a token may do at a server, in the %s era', (era) => {
  test('is what the scopes allow: more is listed, refused with all that it needs, and not forwarded', async () => {
    const { browser, client } = ada;
    const reader = new Caller(await connectTo(at, 'one', { browser, client, scope: ['mcp:read'] }), 'one');
    expect(await reader.tools({ era })).toEqual(['look', 'add', 'erase', 'mystery']);
    expect((await reader.call('look', { era })).status).toBe(200);
    const before = calls(one);
    for (const [tool, scope] of [
      ['add', 'mcp:read mcp:write'],
      ['erase', 'mcp:read mcp:write mcp:destructive'],
      ['mystery', 'mcp:read mcp:write mcp:destructive'],
    ] as const) {
      const { status, headers } = await reader.call(tool, { era });
      expect(status).toBe(403);
      const challenge = headers.get('www-authenticate') ?? '';
      expect(challenge).toContain('error="insufficient_scope"');
      expect(challenge).toContain(`scope="${scope}"`);
      expect(challenge).toContain(
        `resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp/one"`,
      );
    }
    expect(calls(one)).toBe(before);
    const more = new Caller(await connectTo(at, 'one', { browser, client }), 'one');
    for (const tool of ['add', 'erase', 'mystery']) expect((await more.call(tool, { era })).status).toBe(200);
    expect(calls(one)).toBe(before + 3);
  });

  test('never reaches what is hidden: it is listed nowhere and answers like nothing at all', async () => {
    const caller = new Caller({ ...ada, gate: atMany }, 'one');
    expect(await caller.tools({ era })).toEqual([...Object.keys(TOOLS), 'safe_look']);
    const before = calls(many);
    const answers = await Promise.all(
      ['hidden_one', 'deploy', 'nothing_'].map(async (name) => {
        const response = await caller.fetch({ era, method: 'tools/call', params: { name, arguments: {} } });
        const text = (await response.text()).replaceAll(name, '');
        return [response.status, [...response.headers], text];
      }),
    );
    expect(answers[0]).toEqual(answers[2]);
    expect(answers[1]).toEqual(answers[2]);
    expect(JSON.parse(String(answers[0]?.[2]))).toMatchObject({
      error: { code: -32602, message: 'Unknown tool: ' },
    });
    expect(calls(many)).toBe(before);
    expect((await caller.call('safe_look', { era })).status).toBe(200);
  });

  test('is judged without a name as a tool that is not there', async () => {
    const caller = new Caller(ada, 'one');
    const before = one.received.length;
    for (const name of [undefined, null, 7, ['look'], { look: 1 }]) {
      const { body } = await caller.send({ era, method: 'tools/call', params: { name } });
      expect(body.error?.code).toBe(-32602);
    }
    expect(one.received.length).toBe(before);
  });
});

test('a call in the form of a notification is judged too', async () => {
  const { browser, client } = ada;
  const reader = new Caller(await connectTo(at, 'one', { browser, client, scope: ['mcp:read'] }), 'one');
  const before = calls(one);
  expect((await reader.call('erase', { id: null })).status).toBe(403);
  expect(calls(one)).toBe(before);
});

test('a member of the required group has the tool', async () => {
  const user = { name: 'Olga', groups: 'ops' };
  const caller = new Caller(await connectTo(atMany, 'one', { user }), 'one');
  expect(await caller.tools()).toContain('deploy');
  expect((await caller.call('deploy')).status).toBe(200);
});

describe('a token', () => {
  test('of one server works there alone', async () => {
    const before = [one, two].map(({ received }) => received.length);
    for (const path of ['/mcp/two', '/mcp', '/']) {
      const { status, body } = await callMcp(ada.tokens.access_token, { gate: at, path });
      expect([path, status, body.error]).toEqual([path, 401, 'invalid_token']);
    }
    expect([one, two].map(({ received }) => received.length)).toEqual(before);
  });

  test.each(['', '/mcp'])('of the whole gate (%j) works at no server’s own address', async (path) => {
    const whole = await connectWith(at, `${ORIGIN}${path}`, ['one', 'two']);
    const before = one.received.length;
    const { status } = await callMcp(whole.tokens.access_token, { gate: at, path: '/mcp/one' });
    expect(status).toBe(401);
    expect(one.received.length).toBe(before);
    expect((await callMcp(whole.tokens.access_token, { gate: at })).status).toBe(200);
  });

  test('names the servers that were selected, and no other', async () => {
    const { tokens } = await connectWith(at, `${ORIGIN}/mcp`, ['two', 'staff', 'nonsense']);
    const { body } = await callMcp(tokens.access_token, { gate: at });
    expect(body.result).toMatchObject({ structuredContent: { servers: ['two'] } });
  });

  test('finds nothing at a server that its grant does not hold, such as one renamed in between', async () => {
    const renamed = gateBefore({ one: { behind: one, setting: { groups: ['staff'] } } });
    const before = one.received.length;
    const { status } = await new Caller({ ...ada, gate: renamed }, 'one').send();
    expect(status).toBe(404);
    expect(one.received.length).toBe(before);
  });

  test('is held to what its person may do now: the rest is as if it were not there', async () => {
    const lower = gateBefore({ one: { behind: one } }, { DEFAULT_ROLE: 'viewer' });
    const viewer = new Caller({ ...ada, gate: lower }, 'one');
    expect(await viewer.tools()).toEqual(['look']);
    expect((await viewer.call('add')).body.error?.code).toBe(-32602);
  });
});

describe('without a token', () => {
  test('a server requires sign-in, with its own metadata, and isn’t called', async () => {
    const before = one.received.length;
    const response = await at.fetch('/mcp/one', { method: 'POST', body: '{}' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain(
      `resource_metadata="${ORIGIN}/.well-known/oauth-protected-resource/mcp/one"`,
    );
    expect(one.received.length).toBe(before);
  });

  test('a server that is not there is 404, with and without one', async () => {
    for (const authorization of ['', `Bearer ${ada.tokens.access_token}`]) {
      const headers = { authorization, 'content-type': 'application/json' };
      for (const path of ['/mcp/nonsense', '/mcp/constructor', '/mcp/one/more', '/mcp/One']) {
        expect((await at.fetch(path, { method: 'POST', headers, body: '{}' })).status).toBe(404);
      }
    }
  });

  test('a page from elsewhere may not even ask', async () => {
    const before = one.received.length;
    const { status } = await new Caller(ada, 'one').send({ headers: { origin: 'https://evil.example' } });
    expect(status).toBe(403);
    expect(one.received.length).toBe(before);
  });

  test('a preflight is answered, and what a page must read is exposed', async () => {
    const headers = { origin: 'http://localhost:6274', 'access-control-request-method': 'POST' };
    const response = await at.fetch('/mcp/one', { method: 'OPTIONS', headers });
    expect(response.ok).toBe(true);
    const answer = await at.fetch('/mcp/one', {
      method: 'POST',
      headers: { origin: 'http://localhost:6274' },
    });
    expect(answer.headers.get('access-control-expose-headers')).toContain('Mcp-Session-Id');
  });

  test('a browser gets the page that tells how to connect', async () => {
    const page = await new Browser(at).visit('/mcp/one');
    expect([page.status, page.headers.get('www-authenticate')]).toEqual([200, null]);
  });
});

describe('the consent page', () => {
  async function consentFor(resource: string, user?: { name: string; groups?: string }) {
    const browser = new Browser(at);
    const { code_challenge } = await makePkce();
    return {
      browser,
      page: await openConsent(browser, await registerClient({}, at), { code_challenge, resource }, user),
    };
  }
  const offered = (html: string) =>
    [...html.matchAll(/<input[^>]*name="server"[^>]*value="([^"]+)"/g)].map(([, name]) => name);

  test('lists the servers that this person may know of, and no other', async () => {
    const { page } = await consentFor(`${ORIGIN}/mcp`);
    expect(offered(page.html)).toEqual(['one', 'two']);
    expect(textOf(page.html)).toContain('The One');
    expect(page.html).not.toContain('staff');
    const member = await consentFor(`${ORIGIN}/mcp`, { name: 'Sam', groups: 'staff, ops' });
    expect(offered(member.page.html)).toEqual(['one', 'two', 'staff', 'ops']);
  });

  test('for one server lists that one', async () => {
    const { page } = await consentFor(`${ORIGIN}/mcp/two`);
    expect(offered(page.html)).toEqual(['two']);
  });

  test.each([[[]], [['one']], [['nonsense']]])(
    'for one server refuses a permission without it: %j',
    async (ticked) => {
      const { browser, page } = await consentFor(`${ORIGIN}/mcp/two`);
      const fields = { scope: 'mcp:read', server: ticked, decision: 'allow' };
      const refused = await browser.submit(formWith(page, 'decision'), fields);
      expect([refused.status, refused.location]).toEqual([400, undefined]);
    },
  );
});
