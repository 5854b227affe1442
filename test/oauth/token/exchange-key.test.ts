import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import { browserAs, callApi, keyGate, makeKey, whoIn } from '../../fixtures/keys';
import { type Answer, callMcp, postForm } from '../../fixtures/worker';
import { TOKEN_EXCHANGE, TYPE } from './issuers';

const at = keyGate();
beforeEach(stopClock);
afterEach(startClock);

/** A script exchanges an access key; it names no client. */
function exchange(subject_token: string, form: Record<string, string> = {}): Promise<Answer> {
  const request = { subject_token, subject_token_type: `${TYPE}access_token` };
  return postForm('/oauth/token', { grant_type: TOKEN_EXCHANGE, ...request, ...form }, at);
}

const call = (token: unknown) => callMcp(String(token), { gate: at });

describe('an access key that is exchanged', () => {
  it('becomes an access token of its owner, with no client named and no refresh token', async () => {
    const browser = await browserAs('Ada', at);
    const { key } = await makeKey(browser, { name: 'Nightly', servers: ['notes'], scope: 'mcp:write' });
    const { status, body } = await exchange(key);
    expect(status).toBe(200);
    expect(body).toMatchObject({ issued_token_type: `${TYPE}access_token`, scope: 'mcp:read mcp:write' });
    expect(body).not.toHaveProperty('refresh_token');
    expect(whoIn(await call(body.access_token))).toMatchObject({
      user: { name: 'Ada' },
      client: 'Nightly',
      servers: ['notes'],
      scope: 'mcp:read mcp:write',
    });
  });

  it('is never wider or longer-lived than the key', async () => {
    const browser = await browserAs('Bea', at);
    const { key } = await makeKey(browser, { scope: 'mcp:read', servers: ['notes'], expires_in: 60 });
    const { body } = await exchange(key, { scope: 'mcp:destructive', expires_in: '3600' });
    expect(body).toMatchObject({ scope: 'mcp:read' });
    expect(Number(body.expires_in)).toBeLessThanOrEqual(60);
    expect((await exchange(key, { resource: `${at.origin}/mcp/wiki` })).body.error).toBe('invalid_target');
    pass(60);
    expect((await call(body.access_token)).status).toBe(401);
    expect((await exchange(key)).body.error).toBe('invalid_grant');
  });

  it('dies with the key, at once', async () => {
    const browser = await browserAs('Cleo', at);
    const { key, id } = await makeKey(browser);
    const { body } = await exchange(key);
    expect((await call(body.access_token)).status).toBe(200);
    await callApi(browser, `/api/keys/${id}`, 'DELETE');
    expect((await call(body.access_token)).status).toBe(401);
    expect((await exchange(key)).body.error).toBe('invalid_grant');
  });

  it('works at one server’s own resource, and there only', async () => {
    const browser = await browserAs('Dora', at);
    const { key } = await makeKey(browser, { servers: ['notes'] });
    const { body } = await exchange(key, { resource: `${at.origin}/mcp/notes` });
    expect((await call(body.access_token)).status).toBe(401);
  });

  it.each(['gth_nonsense', `gth_${'A'.repeat(92)}`])('%s is invalid_grant', async (text) => {
    expect((await exchange(text)).body.error).toBe('invalid_grant');
  });
});
