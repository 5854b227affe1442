import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freePort, isFreeOnLoopback } from '../../scripts/lib/ports';
import { startProgram } from '../fixtures/program';
import { type Gate, startGate } from './harness/gate';
import {
  authorizationParams,
  callTool,
  exchangeCode,
  grant,
  type JsonAnswer,
  makePkce,
  REDIRECT_URI,
  refreshTokens,
  registerClient,
  requestRevocation,
  requestToken,
} from './harness/oauth';
import { plainGate } from './harness/shared';
import { sharingCrashes } from './harness/stories';
import { walk } from './harness/walk';

async function whoami(gate: Gate, access_token: string): Promise<unknown> {
  return (await callTool(`${gate.origin}/mcp`, access_token, 'whoami')).structuredContent;
}

describe.concurrent('a crash loses nothing', () => {
  let gate: Gate;
  beforeAll(async () => {
    gate = await plainGate();
  });
  // As after a crash: no process has a moment to write anything.
  const story = sharingCrashes(async () => {
    await gate.kill();
    await gate.restart();
  });

  test('at every step of a sign-in: the person and the client just go on', () =>
    story(async (crash) => {
      const client = await registerClient(gate.origin, REDIRECT_URI);
      await crash();
      const { code_verifier, code_challenge } = makePkce();
      const browser = walk(gate);
      await browser.authorize(authorizationParams(client, code_challenge));
      await crash();
      await browser.signInLocal('Ada');
      await crash();
      const callback = await browser.decide('allow');
      await crash();
      const tokens = await exchangeCode(gate.origin, client, callback, code_verifier);
      await crash();
      expect(await whoami(gate, tokens.access_token)).toMatchObject({ user: { name: 'Ada' } });
      await browser.open('/sign-in');
      expect(browser.page.title).toContain('You’re signed in as Ada');
    }));

  test('between refreshes: the new token works, and the old one gets the same successor again', () =>
    story(async (crash) => {
      const { client, tokens } = await grant(gate, 'Grace');
      const second = await refreshTokens(gate.origin, client, tokens.refresh_token);
      await crash();
      const again = await refreshTokens(gate.origin, client, tokens.refresh_token);
      expect(again.refresh_token).toBe(second.refresh_token);
      const third = await refreshTokens(gate.origin, client, second.refresh_token);
      await crash();
      expect(await whoami(gate, third.access_token)).toMatchObject({ user: { name: 'Grace' } });
    }));

  test('in the middle of a refresh: whether it was answered or not, the client goes on', () =>
    story(async (crash) => {
      const { client, tokens } = await grant(gate, 'Joan');
      let { refresh_token } = tokens;
      for (const delay of [0, 4, 12]) {
        const form = { grant_type: 'refresh_token', refresh_token, client_id: client.client_id };
        let answered: Promise<JsonAnswer | undefined> | undefined;
        await crash(async () => {
          answered = requestToken(gate.origin, form).catch(() => undefined);
          await new Promise((resolve) => setTimeout(resolve, delay));
        });
        const lost = await answered;
        if (lost?.status === 200) refresh_token = String(lost.body.refresh_token);
        ({ refresh_token } = await refreshTokens(gate.origin, client, refresh_token));
      }
      const { access_token } = await refreshTokens(gate.origin, client, refresh_token);
      expect(await whoami(gate, access_token)).toMatchObject({ user: { name: 'Joan' } });
    }));

  test('what is over stays over: a request that was answered, a grant that was revoked', () =>
    story(async (crash) => {
      const { client, tokens, walker } = await grant(gate, 'Mary');
      const answered = walker.page.url;
      await requestRevocation(gate.origin, { token: tokens.refresh_token, client_id: client.client_id });
      await crash();
      await walker.open(answered);
      expect(walker.page.status).toBe(409);
      await expect(whoami(gate, tokens.access_token)).rejects.toThrow('401');
      await expect(refreshTokens(gate.origin, client, tokens.refresh_token)).rejects.toThrow('invalid_grant');
    }));
});

describe('bare wrangler dev, without any secret', () => {
  test('works, and keeps its keys when it is started again on the same storage', async () => {
    const gate = await startGate({ keys: false });
    onTestFinished(gate.stop);
    const granted = await grant(gate, 'Ada');
    await gate.restart();
    expect(await whoami(gate, granted.tokens.access_token)).toMatchObject({ user: { name: 'Ada' } });
    const { refresh_token } = granted.tokens;
    await refreshTokens(gate.origin, granted.client, refresh_token);
    await granted.walker.open('/sign-in');
    expect(granted.walker.page.title).toContain('Ada');
  });
});

test('npm start says once where to point a client, runs the orchard, too, and ends both', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'npm-start-'));
  const port = await freePort(2);
  const args = ['--port', `${port}`, '--inspector-port', '0', '--persist-to', folder];
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { says, output, signalAll } = startProgram('npm', ['start', '--', ...args], {
    env: { WRANGLER_REGISTRY_PATH: join(folder, 'registry') },
  });
  const address = `http://localhost:${port}/mcp`;
  await says(`Point a client at ${address}\n`);
  expect(output().match(/Point a client/g)).toHaveLength(1);
  expect((await fetch(address, { method: 'POST' })).status).toBe(401);
  const gate = { origin: `http://localhost:${port}` };
  const { tokens } = await grant(gate, 'Ada');
  const answer = await callTool(address, tokens.access_token, 'whoami');
  expect(answer.structuredContent).toMatchObject({
    user: { name: 'Ada' },
    servers: ['notes', 'clock', 'orchard'],
  });

  const beside = `http://localhost:${port + 1}`;
  expect(output()).toContain(`is at ${beside}\n`);
  expect((await fetch(`${beside}/mcp`, { method: 'POST' })).status).toBe(401);
  await says('[orchard] ');
  expect(existsSync(join(folder, 'orchard'))).toBe(true);

  // Ctrl-C: the terminal tells all of its group, to which the two `wrangler` don't belong.
  signalAll('SIGINT');
  for (const taken of [port, port + 1]) {
    await expect.poll(() => isFreeOnLoopback(taken)).toBe(true);
  }
});
