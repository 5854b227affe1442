import { describe, expect, test } from 'vitest';
import { deploy, InSession, TOOLS_CHANGED } from '../../fixtures/mcp-session';
import { sessionServer } from '../../fixtures/mcp-session-server';
import { Browser } from '../../fixtures/worker';
import { answer, openSignedIn, typeCode } from '../../oauth/device/devices';

/* `UNAUTHENTICATED = "authorize_tool"` (row 46): how a session without a credential comes to one. */

const gate = deploy({ one: { behind: sessionServer() } }, { UNAUTHENTICATED: 'authorize_tool' });
const begin = () =>
  InSession.begin({
    gate,
    tokens: { access_token: '', refresh_token: '' },
    client: { client_id: '' },
  } as never);

/** Calls the tool: the link and code to show. */
async function asked(session: InSession): Promise<{ link: string; code: string }> {
  const text = await session.call('authorize');
  const [, link = '', code = ''] = /Open (\S+) in .* the code ([A-Z-]{9})/.exec(text) ?? [];
  expect(new URL(link).origin).toBe(gate.origin);
  return { link, code };
}

/** The person opens the link, compares the code and decides. */
async function decide(link: string, code: string, decision = 'allow'): Promise<void> {
  const browser = new Browser(gate);
  const page = await typeCode(browser, await openSignedIn(browser, link), code);
  await answer({ browser, page }, { server: ['one'], decision });
}

describe('a session without a credential', () => {
  test('has one tool, which asks the same until it was answered', async () => {
    const session = await begin();
    expect(await session.tools()).toEqual(['authorize']);
    const first = await asked(session);
    expect(await asked(session)).toEqual(first);
    expect(new URL(first.link).searchParams.get('user_code')).toBe(first.code);
    expect(await session.call('one_look')).not.toContain('looked');
    expect(await session.tools()).toEqual(['authorize']);
  });

  test('has its user’s tools once they allowed it, and gets a notification', async () => {
    const session = await begin();
    const own = await session.listen();
    const { link, code } = await asked(session);
    await decide(link, code);
    await own.said(TOOLS_CHANGED);
    const tools = await session.tools();
    expect(tools).toContain('one_look');
    expect(tools).not.toContain('authorize');
    expect(JSON.parse(await session.call('whoami'))).toMatchObject({ user: { name: 'Ada' }, client: 'raw' });
    await own.leave();
  });

  test('asks again after a denial', async () => {
    const session = await begin();
    const first = await asked(session);
    await decide(first.link, first.code, 'deny');
    expect(await session.tools()).toEqual(['authorize']);
    expect((await asked(session)).link).not.toBe(first.link);
  });

  test('asks one thing of its person, however many calls ask at once', async () => {
    const session = await begin();
    const [first, second] = await Promise.all([asked(session), asked(session)]);
    expect(second).toEqual(first);
    await decide(first.link, first.code);
    expect(await session.tools()).toContain('one_look');
  });

  test('is not another’s who is allowed', async () => {
    const [session, other] = [await begin(), await begin()];
    const { link, code } = await asked(session);
    await decide(link, code);
    expect(await other.tools()).toEqual(['authorize']);
    expect(await session.tools()).toContain('one_look');
  });
});
