import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { SessionSignIn } from '../../../src/gateway/session/sign-in';
import { SessionStore } from '../../../src/gateway/session/store';

/* What a session without a credential makes of what the gate's own endpoints answer. */

const AT = { origin: 'https://gate.example' };
type Answer = Record<string, unknown>;

const REGISTERED: Answer = { client_id: 'c' };
const BEGUN: Answer = {
  device_code: 'd',
  user_code: 'ABCD-EFGH',
  verification_uri_complete: 'https://gate.example/device?user_code=ABCD-EFGH',
  expires_in: 900,
};
const tokens = (n: number, expires_in = 0): Answer => ({
  access_token: `access-${n}`,
  refresh_token: `refresh-${n}`,
  expires_in,
});

/** A sign-in whose endpoints give these answers, one after the other; it says what they were sent. */
async function signingIn(
  answers: Answer[],
  act: (signIn: SessionSignIn, sent: URLSearchParams[]) => Promise<void>,
): Promise<void> {
  await runInDurableObject(env.MCP_SESSION.get(env.MCP_SESSION.newUniqueId()), async (_, { storage }) => {
    const sent: URLSearchParams[] = [];
    const call = async (request: Request) => {
      sent.push(new URLSearchParams(await request.text()));
      const body = answers.shift() ?? { error: 'nothing more' };
      return Response.json(body, { status: 'error' in body ? 400 : 200 });
    };
    await act(new SessionSignIn(new SessionStore(storage, env), call), sent);
  });
}

test.each(['server_error', 'temporarily_unavailable'])(
  'a renewal that fails with %s signs nobody out',
  async (error) => {
    await signingIn([REGISTERED, BEGUN, tokens(1), { error }, tokens(2, 900)], async (signIn, sent) => {
      await signIn.ask(AT, undefined);
      expect(await signIn.token(AT)).toBe('access-1');
      await expect(signIn.token(AT)).rejects.toThrow(error);
      expect(await signIn.token(AT)).toBe('access-2');
      expect(sent.at(-1)?.get('refresh_token')).toBe('refresh-1');
    });
  },
);

test('a revoked one does, and the person is asked again', async () => {
  await signingIn([REGISTERED, BEGUN, tokens(1), { error: 'invalid_grant' }, BEGUN], async (signIn, sent) => {
    await signIn.ask(AT, undefined);
    expect(await signIn.token(AT)).toBe('access-1');
    expect(await signIn.token(AT)).toBeUndefined();
    expect(await signIn.ask(AT, undefined)).toMatchObject({ code: 'ABCD-EFGH' });
    expect(sent).toHaveLength(5);
  });
});

test('a poll that nobody could answer leaves the question standing', async () => {
  await signingIn([REGISTERED, BEGUN, { error: 'server_error' }, tokens(1, 900)], async (signIn) => {
    const asked = await signIn.ask(AT, undefined);
    expect(await signIn.token(AT)).toBeUndefined();
    expect(await signIn.ask(AT, undefined)).toEqual(asked);
    expect(await signIn.token(AT)).toBe('access-1');
  });
});

test('requests at once renew once', async () => {
  await signingIn([REGISTERED, BEGUN, tokens(1), tokens(2, 900)], async (signIn) => {
    await signIn.ask(AT, undefined);
    await signIn.token(AT);
    const both = await Promise.all([signIn.token(AT), signIn.token(AT)]);
    expect(both).toEqual(['access-2', 'access-2']);
  });
});

test('shows no link where there is none', async () => {
  await signingIn([REGISTERED, { error: 'temporarily_unavailable' }, REGISTERED, BEGUN], async (signIn) => {
    await expect(signIn.ask(AT, undefined)).rejects.toThrow('Try again');
    expect(await signIn.ask(AT, undefined)).toMatchObject({ code: 'ABCD-EFGH' });
  });
});
