import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pass, startClock, stopClock } from '../../fixtures/clock';
import {
  type Answer,
  accountOf,
  callMcp,
  connect,
  gateWith,
  grantIdOf,
  postForm,
  refresh,
  registerClient,
  revoke,
  tokensOf,
} from '../../fixtures/worker';
import { registerConfidential, send } from '../clients/confidential';
import { TOKEN_EXCHANGE, TYPE } from './issuers';

beforeEach(stopClock);
afterEach(startClock);

type Connected = Awaited<ReturnType<typeof connect>>;

/** A client exchanges an access token of its own; `form` over the right parameters. */
function exchange(
  { client, gate }: Pick<Connected, 'client' | 'gate'>,
  subject_token: string,
  form: Record<string, string> = {},
): Promise<Answer> {
  const request = { subject_token, subject_token_type: `${TYPE}access_token` };
  const { client_id } = client;
  return postForm('/oauth/token', { grant_type: TOKEN_EXCHANGE, client_id, ...request, ...form }, gate);
}

const statusOf = async (token: unknown) => (await callMcp(String(token))).status;

describe('an access token that is exchanged', () => {
  it('becomes one with less scope and a shorter life, of the same grant, without a refresh token', async () => {
    const app = await connect();
    const { body } = await exchange(app, app.tokens.access_token, { scope: 'mcp:read', expires_in: '120' });
    expect(body).toMatchObject({
      issued_token_type: `${TYPE}access_token`,
      token_type: 'bearer',
      scope: 'mcp:read',
      expires_in: 120,
    });
    expect(body).not.toHaveProperty('refresh_token');
    const access = String(body.access_token);
    expect(grantIdOf(access)).toBe(grantIdOf(app.tokens.access_token));
    expect((await callMcp(access)).body).toMatchObject({
      result: { structuredContent: { user: { name: 'Ada' }, client: 'Test client', scope: 'mcp:read' } },
    });
    pass(120);
    expect(await statusOf(access)).toBe(401);
    expect(await statusOf(app.tokens.access_token)).toBe(200);
  });

  it('never becomes wider or longer-lived, not even by exchanging it again', async () => {
    const app = await connect({ scope: ['mcp:read', 'mcp:write', 'mcp:destructive'] });
    pass(1000);
    const first = await exchange(app, app.tokens.access_token, { scope: 'mcp:write', expires_in: '99999' });
    expect(first.body).toMatchObject({ scope: 'mcp:read mcp:write', expires_in: 800 });
    pass(790);
    const token = String(first.body.access_token);
    const wider = await exchange(app, token, { scope: 'mcp:read mcp:destructive' });
    expect(wider.body).toMatchObject({ scope: 'mcp:read mcp:write', expires_in: 10 });
    const other = await exchange(app, token, { scope: 'mcp:destructive' });
    expect([other.status, other.body.error]).toEqual([400, 'invalid_scope']);
    pass(10);
    expect(await statusOf(wider.body.access_token)).toBe(401);
    expect((await exchange(app, token)).body.error).toBe('invalid_request');
  });

  it('takes all that it became with it when it is revoked, and leaves its grant alone', async () => {
    const app = await connect();
    const [first, second] = [app.tokens.access_token, (await exchange(app, app.tokens.access_token)).body];
    const third = (await exchange(app, String(second.access_token))).body.access_token;
    const aside = (await exchange(app, first)).body.access_token;
    await revoke(app, String(second.access_token));
    expect(await Promise.all([first, second.access_token, third, aside].map(statusOf))).toEqual([
      200, 401, 401, 200,
    ]);
    await revoke(app, first);
    expect(await Promise.all([first, aside].map(statusOf))).toEqual([401, 401]);
    const next = tokensOf(await refresh(app, app.tokens.refresh_token));
    expect(await statusOf(next.access_token)).toBe(200);
  });

  it('dies with its grant', async () => {
    const app = await connect();
    const { body } = await exchange(app, app.tokens.access_token);
    await accountOf(app.code).revokeGrant(grantIdOf(app.code));
    expect(await statusOf(body.access_token)).toBe(401);
    expect((await exchange(app, app.tokens.access_token)).body.error).toBe('invalid_request');
  });

  it('is exchanged by the client that it was issued to, and by nobody else', async () => {
    const app = await connect();
    const other = await registerClient({ client_name: 'Other' });
    const refused = await exchange(app, app.tokens.access_token, { client_id: other.client_id });
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_request']);
    const { client_id: _, ...nobody } = { client_id: '' };
    const request = { subject_token: app.tokens.access_token, subject_token_type: `${TYPE}access_token` };
    const unnamed = await postForm('/oauth/token', { grant_type: TOKEN_EXCHANGE, ...nobody, ...request });
    expect([unnamed.status, unnamed.body.error]).toEqual([401, 'invalid_client']);
    const confidential = await registerConfidential('client_secret_basic');
    const basic = await send(
      '/oauth/token',
      { grant_type: TOKEN_EXCHANGE, ...request },
      confidential.credentials().headers,
    );
    expect(basic.body.error).toBe('invalid_request');
  });

  it('stays at its place: no other resource, but / and /mcp are one', async () => {
    const SERVERS = JSON.stringify([{ name: 'notes', url: 'https://notes.example/mcp', auth: 'none' }]);
    const app = await connect({ gate: gateWith({ SERVERS }) });
    const ask = (form: Record<string, string>) => exchange(app, app.tokens.access_token, form);
    expect((await ask({ resource: 'http://localhost:8787/mcp' })).status).toBe(200);
    expect((await ask({ resource: 'http://localhost:8787' })).status).toBe(200);
    for (const form of [{ resource: 'http://localhost:8787/mcp/notes' }, { audience: 'somebody' }]) {
      expect((await ask(form as Record<string, string>)).body.error).toBe('invalid_target');
    }
  });

  it('is refused as what it is not', async () => {
    const app = await connect();
    const cases: [string, Record<string, string>][] = [
      [app.tokens.refresh_token, {}],
      [app.code, {}],
      ['made up', {}],
      [`${'x'.repeat(32)}:${'y'.repeat(16)}:${'z'.repeat(32)}`, {}],
      [app.tokens.access_token, { subject_token_type: `${TYPE}jwt` }],
      [app.tokens.access_token, { subject_token_type: `${TYPE}refresh_token` }],
      [app.tokens.access_token, { subject_token_type: '' }],
      [app.tokens.access_token, { requested_token_type: `${TYPE}refresh_token` }],
      [app.tokens.access_token, { actor_token: app.tokens.access_token, actor_token_type: 'x' }],
      [app.tokens.access_token, { expires_in: '-1' }],
      [app.tokens.access_token, { expires_in: 'soon' }],
      ['', {}],
    ];
    for (const [token, form] of cases) {
      const refused = await exchange(app, token, form);
      expect([refused.status, refused.body.error], JSON.stringify(form)).toEqual([400, 'invalid_request']);
    }
    expect(await statusOf(app.tokens.access_token)).toBe(200);
  });

  it('works with lives below a minute too', async () => {
    const app = await connect({ gate: gateWith({ TOKENS: '{"access":20}' }) });
    pass(5);
    const { body } = await exchange(app, app.tokens.access_token);
    expect(body.expires_in).toBe(15);
  });
});
