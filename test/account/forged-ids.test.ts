import { evictDurableObject, listDurableObjectIds, runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { findAccount, parseToken } from '../../src/account/access/find-account';
import { makeFlowId, makeKeyringText, parseKeyring, randomSecret, userIdOf } from '../../src/crypto';
import { pass, startClock, stopClock } from '../fixtures/clock';
import {
  Browser,
  callMcp,
  connect,
  gate,
  gateWith,
  postForm,
  redeem,
  refresh,
  registerClient,
  revoke,
} from '../fixtures/worker';

/** How many objects there are. */
async function objects(): Promise<number> {
  const lists = [listDurableObjectIds(env.ACCOUNT), listDurableObjectIds(env.PENDING_FLOW)];
  return (await Promise.all(lists)).flat().length;
}

/** Ids and tokens as another deployment makes them: all right but for the keys. */
async function foreign() {
  const keyring = parseKeyring(makeKeyringText('2026-11'));
  if (!keyring.ok) throw new Error(keyring.error.reason);
  const userId = await userIdOf(keyring.value, 'local', 'Ada');
  const part = () => randomSecret().slice(0, 32);
  const flow = await makeFlowId(keyring.value, Math.floor(Date.now() / 1000) + 900);
  return { userId, flow, token: `${userId}:${part().slice(0, 16)}:${part()}` };
}

it('a made-up token wakes no object, wherever it is presented', async () => {
  const client = await registerClient();
  const { userId, token } = await foreign();
  const [, grant, secret] = token.split(':');
  const made = [
    token,
    `${userId.slice(0, -1)}_:${grant}:${secret}`,
    `${'A'.repeat(32)}:${grant}:${secret}`,
    `:${grant}:${secret}`,
    `${userId}:${grant}`,
    'nonsense',
    `${'x'.repeat(5000)}:${grant}:${secret}`,
  ];
  const before = await objects();
  for (const candidate of made) {
    const presented = { gate, client };
    expect((await callMcp(candidate)).status).toBe(401);
    expect((await refresh(presented, candidate)).body.error).toBe('invalid_grant');
    expect((await revoke(presented, candidate)).status).toBe(200);
    const code = { ...presented, browser: new Browser(), code: candidate, code_verifier: 'v'.repeat(43) };
    const answer = await redeem({ ...code, callback: new URL(client.redirect_uri) });
    expect(answer.body.error).toBe('invalid_grant');
  }
  expect(await objects()).toBe(before);
});

it('a made-up flow, and a genuine one without its cookie, wake no object', async () => {
  const browser = new Browser();
  const { flow } = await foreign();
  const opened = (await browser.visit('/sign-in')).location ?? '';
  const genuine = new URL(opened, gate.origin).searchParams.get('flow') ?? '';
  const before = await objects();
  const statuses: number[] = [];
  const altered = `${genuine.slice(0, -1)}${genuine.endsWith('A') ? 'B' : 'A'}`;
  for (const id of [flow, altered, 'nonsense', '', genuine]) {
    statuses.push((await new Browser().visit(`/sign-in?flow=${id}`)).status);
    await new Browser().visit(`/authorize?flow=${id}`);
    await new Browser().visit(`/sign-in/callback?state=${id}`);
  }
  expect(statuses).toEqual([400, 400, 400, 400, 403]);
  expect(await objects()).toBe(before);
});

it('a flow that is over wakes no object again, not even by its own browser', async () => {
  stopClock();
  const browser = new Browser();
  const opened = (await browser.visit('/sign-in')).location ?? '';
  const flow = env.PENDING_FLOW.getByName(opened.split('flow=')[1] ?? '');
  pass(900);
  await runDurableObjectAlarm(flow);
  await evictDurableObject(flow);
  expect((await browser.visit(opened)).status).toBe(410);
  await expect(evictDurableObject(flow)).rejects.toThrow('not currently running');
  startClock();
});

it('a made-up sign-in cookie wakes no object', async () => {
  const { userId } = await foreign();
  const before = await objects();
  for (const signature of [randomSecret(), '']) {
    const browser = new Browser();
    const cookie = [userId, crypto.randomUUID(), randomSecret(), signature].join('.');
    browser.cookies.set('gatehouse-sign-in', cookie);
    const page = await browser.visit('/sign-out');
    expect(page.html).not.toContain('Ada');
  }
  expect(await objects()).toBe(before);
});

it('a made-up token of a confidential client that introspects wakes no object', async () => {
  const confidential = gateWith({
    CLIENTS: [
      {
        client_id: 'backend',
        name: 'Backend',
        redirect_uris: ['https://backend.example/callback'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    CLIENT_BACKEND_SECRET: 'a secret of the test',
  });
  const { token } = await foreign();
  const before = await objects();
  const form = { client_id: 'backend', client_secret: 'a secret of the test', token };
  expect((await postForm('/oauth/introspect', form, confidential)).body).toEqual({ active: false });
  expect(await objects()).toBe(before);
});

it('a token of ours finds its account, and one of another form has no parts', async () => {
  const { tokens } = await connect();
  const parts = parseToken(tokens.access_token);
  expect(parts?.grantId).toHaveLength(16);
  const parsed = parseKeyring(env.GATEHOUSE_KEYS ?? '');
  if (!parsed.ok || !parts) throw new Error('the test keys or the token are unreadable');
  const account = await findAccount({ env, keyring: parsed.value }, parts.userId);
  expect(account?.id.toString()).toBe(env.ACCOUNT.idFromName(parts.userId).toString());
  expect(await findAccount({ env, keyring: parsed.value }, `${parts.userId}A`)).toBeUndefined();
  for (const text of ['', 'a:b:c', `${tokens.access_token}:x`, ` ${tokens.access_token}`]) {
    expect(parseToken(text)).toBeUndefined();
  }
});
