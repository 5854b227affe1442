import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { now, startClock, stopClock } from '../../fixtures/clock';
import { watchReasons } from '../../fixtures/refusals';
import { callMcp, type Gate, postForm, registerClient } from '../../fixtures/worker';
import { type Confidential, registerConfidential, send } from '../clients/confidential';
import { exchangeJwt, type Issuer, JWT_BEARER, makeIssuer, trusting } from './issuers';

/* MCP enterprise-managed authorization: a person's identity provider vouches for them to one client. */

let idp: Issuer;
let at: Gate;
let client: Confidential;
beforeEach(async () => {
  stopClock();
  idp = await makeIssuer();
  const rules = [{ claims: [{ claim: 'groups', contains: 'staff' }], role: 'owner' }];
  at = trusting(idp, { name: 'enterprise', rules });
  client = await registerConfidential('client_secret_post', 'Assistant');
});
afterEach(() => {
  startClock();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const person = (claims: Record<string, unknown> = {}) =>
  idp.token(
    {
      sub: 'ada',
      name: 'Ada',
      email: 'ada@acme.example',
      email_verified: true,
      groups: ['staff'],
      client_id: client.client_id,
      exp: now() + 300,
      ...claims,
    },
    { typ: 'oauth-id-jag+jwt' },
  );
const redeem = (assertion: string, form: Record<string, string> = {}) =>
  send('/oauth/token', { grant_type: JWT_BEARER, assertion, ...client.credentials().form, ...form }, {}, at);

describe('an identity assertion grant', () => {
  it('gives the client access as that person, by the rules of the settings', async () => {
    const { status, body } = await redeem(await person());
    expect([status, body.expires_in]).toEqual([200, 600]);
    expect((await callMcp(String(body.access_token), { gate: at })).body).toMatchObject({
      result: {
        structuredContent: {
          user: { name: 'Ada', email: 'ada@acme.example', email_verified: true },
          client: 'Assistant',
          role: 'owner',
        },
      },
    });
  });

  it('keeps to its own scope and resource', async () => {
    const scoped = { scope: 'mcp:read', resource: 'http://localhost:8787/mcp' };
    expect((await redeem(await person(scoped))).body.scope).toBe('mcp:read');
    expect((await redeem(await person(scoped), { scope: 'mcp:destructive' })).body.scope).toBe('mcp:read');
    for (const [claims, form] of [
      [{ resource: 'https://other.example/mcp' }, {}],
      [scoped, { resource: 'http://localhost:8787' }],
      [{ resource: 7 }, {}],
    ] as [object, Record<string, string>][]) {
      const { status } = await redeem(await person({ ...claims }), form);
      expect(status, JSON.stringify([claims, form])).toBe(400);
    }
  });

  it('works once', async () => {
    const assertion = await person();
    const answers = await Promise.all([1, 2, 3].map(() => redeem(assertion)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
  });

  it.each<[string, string, () => Record<string, unknown>]>([
    ['for another client', 'assertion_client', () => ({ client_id: 'somebody' })],
    ['for no client', 'assertion_client', () => ({ client_id: undefined })],
    ['without an id', 'assertion_claim', () => ({ jti: undefined })],
    ['without a time', 'assertion_claim', () => ({ iat: undefined })],
    ['that lives too long', 'assertion_claim', () => ({ exp: now() + 301 })],
    ['with details that nobody understands', 'assertion_claim', () => ({ authorization_details: [] })],
    ['for two audiences', 'assertion_claim', () => ({ aud: ['http://localhost:8787', 'https://x.example'] })],
    ['of somebody outside', 'assertion_no_rule', () => ({ groups: ['guests'] })],
  ])('is refused %s', async (_, reason, claims) => {
    const reasons = watchReasons();
    const refused = await redeem(await person(claims()));
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_grant']);
    expect(reasons()).toEqual([reason]);
  });

  it('is refused from a client that anybody could be, and from none', async () => {
    const anybody = await registerClient({}, at);
    const assertion = await person({ client_id: anybody.client_id });
    const form = { grant_type: JWT_BEARER, assertion, client_id: anybody.client_id };
    const refused = await postForm('/oauth/token', form, at);
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_client']);
    const unnamed = await postForm('/oauth/token', { grant_type: JWT_BEARER, assertion: await person() }, at);
    expect(unnamed.body.error).toBe('invalid_grant');
  });

  it('is no subject token', async () => {
    expect((await exchangeJwt(at, await person())).body.error).toBe('invalid_request');
  });
});
