import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseSettings } from '../../../src/config/settings';
import { startClock, stopClock } from '../../fixtures/clock';
import { browserAs, keyGate, signInBy, whoIn } from '../../fixtures/keys';
import {
  accountOf,
  Browser,
  callMcp,
  connect,
  grantIdOf,
  refresh,
  type Tokens,
  tokensOf,
} from '../../fixtures/worker';

beforeEach(stopClock);
afterEach(startClock);

const at = keyGate();

async function visitor(label: string): Promise<Browser> {
  const browser = new Browser(at);
  await signInBy(browser, { method: 'skip', label });
  return browser;
}

const who = async (token: string) => whoIn(await callMcp(token, { gate: at }));

describe('a move that is interrupted', () => {
  async function moving(name: string) {
    const browser = await visitor('Eve');
    const app = await connect({ browser });
    const user = (await who((await connect({ browser: await browserAs(name, at) })).tokens.access_token))
      .user;
    return { app, visitorAccount: accountOf(app.tokens.access_token), userId: String(user.id) };
  }

  /** As after a crash between the intent and the handover. */
  async function stopAfterIntent(account: DurableObjectStub, userId: string, tokens: Tokens) {
    const ends = Math.floor(Date.now() / 1000) + 86_400;
    await runInDurableObject(account, (_, { storage }) => {
      storage.sql.exec('INSERT INTO moved_to VALUES (1, ?, 0, 0, ?)', userId, ends);
    });
    await evictDurableObject(account);
    return tokens;
  }

  test('is finished by the next call, and nobody loses anything', async () => {
    const { app, visitorAccount, userId } = await moving('Rex');
    await stopAfterIntent(visitorAccount, userId, app.tokens);
    const answers = await Promise.all([
      refresh(app, app.tokens.refresh_token),
      ...Array.from({ length: 5 }, () => callMcp(app.tokens.access_token, { gate: at })),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect((await who(app.tokens.access_token)).user.id).toBe(userId);
    const grants = await env.ACCOUNT.getByName(userId).listGrants();
    expect(grants.filter(({ id }) => id === grantIdOf(app.tokens.access_token))).toHaveLength(1);
  });

  test('is finished by the alarm', async () => {
    const { app, visitorAccount, userId } = await moving('Sam');
    await stopAfterIntent(visitorAccount, userId, app.tokens);
    await runInDurableObject(visitorAccount, (instance) =>
      (instance as unknown as { alarm(): Promise<void> }).alarm(),
    );
    const grants = await env.ACCOUNT.getByName(userId).listGrants();
    expect(grants.map(({ id }) => id)).toContain(grantIdOf(app.tokens.access_token));
    await runDurableObjectAlarm(env.ACCOUNT.getByName(userId));
  });

  test('gives nothing twice: what was ended after the first handover stays ended', async () => {
    const { app, visitorAccount, userId } = await moving('Tom');
    const packed = await runInDurableObject(visitorAccount, (_, { storage }) =>
      Object.fromEntries(
        ['grants', 'codes', 'rotations', 'records'].map((table) => [
          table,
          storage.sql.exec(`SELECT * FROM ${table}`).toArray(),
        ]),
      ),
    );
    const user = env.ACCOUNT.getByName(userId);
    const from = app.tokens.access_token.split(':')[0] ?? '';
    await user.adopt(from, { grants: packed });
    expect(await user.revokeGrant(grantIdOf(app.tokens.access_token))).toBe(true);
    await user.adopt(from, { grants: packed });
    await stopAfterIntent(visitorAccount, userId, app.tokens);
    expect((await callMcp(app.tokens.access_token, { gate: at })).status).toBe(401);
  });

  test('moves only a visitor, and only once', async () => {
    const { app, visitorAccount, userId } = await moving('Una');
    const user = await connect({ browser: await browserAs('Vic', at) });
    expect(await accountOf(user.tokens.access_token).moveTo(userId)).toBe(false);
    expect(await visitorAccount.moveTo(app.tokens.access_token.split(':')[0] ?? '')).toBe(false);
    expect(await visitorAccount.moveTo(userId)).toBe(true);
    expect(await visitorAccount.moveTo(String((await who(user.tokens.access_token)).user.id))).toBe(false);
    expect((await who(app.tokens.access_token)).user.id).toBe(userId);
  });

  test('answers a refresh that is under way, and its answer is good afterwards', async () => {
    const { app, visitorAccount, userId } = await moving('Xia');
    const { client, tokens } = app;
    const terms = {
      origin: at.origin,
      resources: [`${at.origin}/mcp`],
      tokens: parseSettings({}).settings.tokens,
      providers: [],
      local: true,
    };
    const presented = {
      client: {
        client_id: client.client_id,
        redirect_uris: [client.redirect_uri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
      grantId: grantIdOf(tokens.refresh_token),
      secret: tokens.refresh_token,
      form: { grant_type: 'refresh_token', refresh_token: tokens.refresh_token },
    };
    const [answer, moved] = await Promise.all([
      visitorAccount.rotateRefresh(terms, presented),
      visitorAccount.moveTo(userId),
    ]);
    expect([answer.ok, moved]).toEqual([true, true]);
    if (!answer.ok) return;
    expect((await who(answer.value.access_token)).user.id).toBe(userId);
    expect((await refresh(app, String(answer.value.refresh_token))).status).toBe(200);
  });

  test('while its tokens are being refreshed loses none of them', async () => {
    const { app, visitorAccount, userId } = await moving('Wim');
    const [, ...answers] = await Promise.all([
      visitorAccount.moveTo(userId),
      ...Array.from({ length: 6 }, () => refresh(app, app.tokens.refresh_token)),
    ]);
    const next = answers.map((answer) => tokensOf(answer).refresh_token);
    expect(new Set(next).size).toBe(1);
    expect((await refresh(app, next[0] ?? '')).status).toBe(200);
  });
});
