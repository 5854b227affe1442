import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { now, pass, startClock, stopClock } from '../../fixtures/clock';
import { watchReasons } from '../../fixtures/refusals';
import { type Answer, accountOf, callMcp, type Gate, gateWith, grantIdOf } from '../../fixtures/worker';
import { assertJwt, exchangeJwt, type Issuer, JOB, makeIssuer, RULE, TYPE, trusting } from './issuers';

let issuer: Issuer;
let at: Gate;
beforeEach(async () => {
  stopClock();
  issuer = await makeIssuer();
  at = trusting(issuer);
});
afterEach(() => {
  startClock();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function accessOf({ status, body }: Answer): string {
  if (status !== 200) throw new Error(`no access: ${status} ${JSON.stringify(body)}`);
  return String(body.access_token);
}

describe('a job with a token of a trusted issuer', () => {
  it('gets ten minutes of access, as itself, without a client, a secret or a refresh token', async () => {
    const exchanged = await exchangeJwt(at, await issuer.token());
    expect(exchanged.body).toMatchObject({
      issued_token_type: `${TYPE}access_token`,
      token_type: 'bearer',
      expires_in: 600,
      scope: 'mcp:read mcp:write',
    });
    expect(exchanged.body).not.toHaveProperty('refresh_token');
    const access = accessOf(exchanged);
    const whoami = await callMcp(access, { gate: at });
    expect(whoami.body).toMatchObject({
      result: {
        structuredContent: {
          user: { name: JOB, email_verified: false },
          client: 'Acme jobs',
          role: 'member',
          scope: 'mcp:read mcp:write',
        },
      },
    });
    pass(600);
    expect((await callMcp(access, { gate: at })).status).toBe(401);
  });

  it('never gets access for longer than its token lives', async () => {
    const exp = now() + 42;
    const { body } = await exchangeJwt(at, await issuer.token({ exp }));
    expect(body.expires_in).toBe(42);
    pass(42);
    expect((await callMcp(String(body.access_token), { gate: at })).status).toBe(401);
  });

  it('gets whole seconds where its issuer’s clock has fractions', async () => {
    const { body } = await exchangeJwt(at, await issuer.token({ exp: now() + 100.25, iat: now() - 0.5 }));
    expect(body.expires_in).toBe(100);
    const ending = await exchangeJwt(at, await issuer.token({ exp: now() + 0.5 }));
    expect([ending.status, ending.body.error]).toEqual([400, 'invalid_request']);
  });

  it.each([
    ['an ID token', (token: string) => exchangeJwt(at, token, { subject_token_type: `${TYPE}id_token` })],
    ['an assertion', (token: string) => assertJwt(at, token)],
  ])('may send it as %s too', async (_, send) => {
    const { body } = await send(await issuer.token());
    expect((await callMcp(String(body.access_token), { gate: at })).status).toBe(200);
  });

  it('may ask for less, and gets no more than its role', async () => {
    const less = await exchangeJwt(at, await issuer.token(), { scope: 'mcp:read', expires_in: '30' });
    expect(less.body).toMatchObject({ scope: 'mcp:read', expires_in: 30 });
    const more = await exchangeJwt(at, await issuer.token(), {
      scope: 'mcp:destructive',
      expires_in: '9999',
    });
    expect(more.body).toMatchObject({ scope: 'mcp:read mcp:write', expires_in: 600 });
    const none = await exchangeJwt(at, await issuer.token(), { scope: 'everything' });
    expect([none.status, none.body.error]).toEqual([400, 'invalid_scope']);
  });

  it('is the same principal each time, and no other job’s or person’s', async () => {
    const users = [];
    for (const sub of [JOB, JOB, 'repo:acme/app:ref:refs/heads/other']) {
      users.push(accessOf(await exchangeJwt(at, await issuer.token({ sub }))).split(':')[0]);
    }
    expect(users[0]).toBe(users[1]);
    expect(users[2]).not.toBe(users[0]);
  });

  it('keeps to what its own token said, whatever the next token of the same job says', async () => {
    const rules = [
      { claims: [{ claim: 'environment', eq: 'production' }], role: 'owner' },
      { claims: [{ claim: 'repository', eq: 'acme/app' }], role: 'viewer' },
    ];
    const gate = trusting(issuer, { rules });
    const low = accessOf(await exchangeJwt(gate, await issuer.token()));
    const high = accessOf(
      await exchangeJwt(gate, await issuer.token({ environment: 'production' }), {
        scope: 'mcp:destructive',
      }),
    );
    const roleOf = async (access: string) => {
      const { result } = (await callMcp(access, { gate })).body as {
        result?: { structuredContent?: object };
      };
      return result?.structuredContent;
    };
    expect(await roleOf(low)).toMatchObject({ role: 'viewer', scope: 'mcp:read' });
    expect(await roleOf(high)).toMatchObject({ role: 'owner', scope: 'mcp:read mcp:write mcp:destructive' });
  });

  it('loses its access the moment that its rule is gone, or that somebody revokes it', async () => {
    const access = accessOf(await exchangeJwt(at, await issuer.token()));
    expect((await callMcp(access, { gate: at })).status).toBe(200);
    const other = [{ ...RULE, claims: [{ claim: 'repository', eq: 'acme/other' }] }];
    expect((await callMcp(access, { gate: trusting(issuer, { rules: other }) })).status).toBe(401);
    expect((await callMcp(access, { gate: gateWith({}) })).status).toBe(401);
    await accountOf(access).revokeGrant(grantIdOf(access));
    expect((await callMcp(access, { gate: at })).status).toBe(401);
  });
});

describe('servers', () => {
  const SERVERS = JSON.stringify([
    { name: 'notes', url: 'https://notes.example/mcp', auth: 'none' },
    { name: 'wiki', url: 'https://wiki.example/mcp', auth: 'none' },
    { name: 'vault', url: 'https://vault.example/mcp', auth: 'none', groups: ['ops'] },
  ]);
  const servers = async (rule: object, form: Record<string, string> = {}) => {
    const gate = trusting(issuer, { rules: [{ ...RULE, ...rule }] }, { SERVERS });
    const answer = await exchangeJwt(gate, await issuer.token({ groups: ['ops'] }), form);
    if (answer.status !== 200) return answer.body.error;
    const { result } = (await callMcp(accessOf(answer), { gate })).body as {
      result?: { structuredContent?: { servers: string[] } };
    };
    return result?.structuredContent?.servers;
  };

  it('are those of the rule, and what needs a group only when the rule gives it: a token gives itself none', async () => {
    expect(await servers({})).toEqual(['notes', 'wiki']);
    expect(await servers({ servers: ['wiki', 'vault'] })).toEqual(['wiki']);
    expect(await servers({ servers: ['vault'], groups: ['ops'] })).toEqual(['vault']);
  });

  it('have resources of their own, which a job gets a token for if it may use them', async () => {
    const gate = trusting(issuer, { rules: [{ ...RULE, servers: ['wiki'] }] }, { SERVERS });
    const ask = async (form: Record<string, string>) => exchangeJwt(gate, await issuer.token(), form);
    const own = await ask({ resource: 'HTTP://LOCALHOST:8787/mcp/wiki' });
    expect((await callMcp(accessOf(own), { gate })).status).toBe(401);
    expect((await ask({ audience: 'http://localhost:8787/mcp/wiki' })).status).toBe(200);
    for (const resource of ['/mcp/notes', '/mcp/nowhere', '/mcp/wiki/x', '/mcp/wiki?x', '/elsewhere']) {
      const { body } = await ask({ resource: `http://localhost:8787${resource}` });
      expect(body.error, resource).toBe('invalid_target');
    }
    const both = { resource: 'http://localhost:8787/mcp/wiki', audience: 'http://localhost:8787/mcp' };
    expect((await ask(both)).body.error).toBe('invalid_target');
  });
});

describe('a token is worth nothing', () => {
  const expectRefused = async (token: string, reason: string, gate = at) => {
    const reasons = watchReasons();
    const exchanged = await exchangeJwt(gate, token);
    expect([exchanged.status, exchanged.body.error]).toEqual([400, 'invalid_request']);
    const asserted = await assertJwt(gate, token);
    expect([asserted.status, asserted.body.error]).toEqual([400, 'invalid_grant']);
    expect(reasons()).toEqual([reason, reason]);
    expect(JSON.stringify([exchanged.body, asserted.body])).not.toContain('assertion_');
  };

  it.each<[string, string, JWTPayload | (() => JWTPayload)]>([
    ['for somebody else', 'assertion_claim', { aud: 'https://other.example' }],
    ['for us and somebody else', 'assertion_claim', { aud: ['http://localhost:8787', 'https://o.example'] }],
    ['for nobody', 'assertion_claim', { aud: undefined as unknown as string }],
    ['about nobody', 'assertion_claim', { sub: undefined as unknown as string }],
    ['about an empty name', 'assertion_claim', { sub: '' }],
    ['about a blank name', 'assertion_claim', { sub: '  ' }],
    ['about a name with a line break', 'assertion_claim', { sub: 'job\nx' }],
    ['about a name of 2,049 characters', 'assertion_claim', { sub: 'x'.repeat(2049) }],
    ['about an object', 'assertion_claim', { sub: { toString: 1 } as unknown as string }],
    ['for an object', 'assertion_claim', { aud: { toString: 1 } as unknown as string }],
    ['for a list of objects', 'assertion_claim', { aud: [{ toString: 1 }] as unknown as string[] }],
    ['that expires by text', 'assertion_claim', { exp: '9999999999' as unknown as number }],
    ['that expires by an object', 'assertion_claim', { exp: { valueOf: 1 } as unknown as number }],
    ['that was made by text', 'assertion_claim', { iat: 'today' as unknown as number }],
    ['of an issuer that is an object', 'assertion_malformed', { iss: { toString: 1 } as unknown as string }],
    ['of a list of issuers', 'assertion_malformed', () => ({ iss: [issuer.issuer] as unknown as string })],
    ['whose rule’s claim is an object', 'assertion_no_rule', { repository: { toString: 1 } }],
    ['whose rule’s claim is a list in a list', 'assertion_no_rule', { repository: [['acme/app']] }],
    ['of an issuer that nobody trusts', 'issuer_not_trusted', { iss: 'https://evil.example' }],
    ['of an issuer spelt otherwise', 'issuer_not_trusted', () => ({ iss: `${issuer.issuer}/` })],
    ['that has expired', 'assertion_expired', () => ({ exp: now() })],
    ['that expired a while ago', 'assertion_expired', () => ({ exp: now() - 3600 })],
    ['that never expires', 'assertion_claim', { exp: undefined as unknown as number }],
    ['that lives for a day', 'assertion_claim', () => ({ exp: now() + 86_400 })],
    ['from the future', 'assertion_claim', () => ({ iat: now() + 61 })],
    ['not yet good', 'assertion_claim', () => ({ nbf: now() + 61 })],
    ['that is bound to a key', 'assertion_claim', { cnf: { jkt: 'x' } }],
    ['with an id that is none', 'assertion_claim', { jti: 7 as unknown as string }],
    ['of another repository', 'assertion_no_rule', { repository: 'evil/app' }],
    ['of a repository whose name ends alike', 'assertion_no_rule', { repository: 'evil/acme/app' }],
  ])('%s', async (_, reason, claims) => {
    await expectRefused(await issuer.token(typeof claims === 'function' ? claims() : claims), reason);
  });

  it.each([
    'at+jwt',
    'logout+jwt',
    'client-authentication+jwt',
    'application/secevent+jwt',
    'oauth-id-jag+jwt',
  ])('of a type that was made for something else: %s', async (typ) => {
    const token = await issuer.token({}, { typ });
    const reasons = watchReasons();
    expect((await exchangeJwt(at, token)).body.error).toBe('invalid_request');
    expect((await assertJwt(at, token)).body.error).toBe('invalid_grant');
    expect(reasons()[0]).toBe('assertion_type');
  });

  it('without a signature', async () => {
    const claims = { iss: issuer.issuer, sub: JOB, aud: at.origin, exp: now() + 60, repository: 'acme/app' };
    await expectRefused(new UnsecuredJWT(claims).encode(), 'assertion_algorithm');
    const [head, body] = (await issuer.token()).split('.');
    await expectRefused(`${head}.${body}.`, 'assertion_signature');
    const none = btoa(JSON.stringify({ alg: 'none', kid: 'a' })).replace(/=+$/, '');
    await expectRefused(`${none}.${body}.`, 'assertion_algorithm');
  });

  it('signed with the public key as if it were a secret', async () => {
    const secret = new TextEncoder().encode(await exportSPKI(issuer.keys.publicKey));
    const claims = { iss: issuer.issuer, sub: JOB, aud: at.origin, exp: now() + 60, repository: 'acme/app' };
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'a' }).sign(secret);
    await expectRefused(token, 'assertion_algorithm');
  });

  it('signed by somebody else, or altered', async () => {
    const other = await generateKeyPair('ES256', { extractable: true });
    await expectRefused(await issuer.token({}, {}, other), 'assertion_signature');
    const [head, , signature] = (await issuer.token()).split('.');
    const [, body] = (await issuer.token({ repository: 'acme/other' })).split('.');
    await expectRefused(`${head}.${body}.${signature}`, 'assertion_signature');
  });

  it('that is no token, or too long', async () => {
    await expectRefused('x', 'assertion_malformed');
    await expectRefused('a.b.c', 'assertion_malformed');
    await expectRefused(await issuer.token({ padding: 'x'.repeat(20_000) }), 'assertion_malformed');
    const huge = await exchangeJwt(at, await issuer.token({ padding: 'x'.repeat(1_000_000) }));
    expect([huge.status, huge.body.error]).toEqual([400, 'invalid_request']);
  });

  it('when its issuer’s keys can’t be had: down, slow to fail, redirecting inside, not keys', async () => {
    const answers: (() => Response)[] = [
      () => new Response(null, { status: 500 }),
      () => new Response(null, { status: 302, headers: { location: 'https://10.0.0.1/keys' } }),
      () => new Response('<!doctype html>'),
      () => {
        throw new TypeError('connection refused');
      },
    ];
    for (const answer of answers) {
      issuer.serve(answer);
      await expectRefused(await issuer.token(), 'assertion_keys_unavailable');
    }
  });

  it.each(['https://10.0.0.1/keys', 'https://127.0.0.1/keys', 'https://[::1]/keys', 'https://internal/keys'])(
    'when its keys are said to be at a private address: %s',
    async (jwks_uri) => {
      const gate = gateWith(
        {
          TRUSTED_ISSUERS: JSON.stringify([{ name: 'jobs', issuer: issuer.issuer, jwks_uri, rules: [RULE] }]),
          SIGN_IN: JSON.stringify({ oidc: [{ name: 'a', issuer: 'https://a.example', client_id: 'x' }] }),
        },
        'https://gate.example',
      );
      const token = await issuer.token({ aud: 'https://gate.example' });
      await expectRefused(token, 'assertion_keys_unavailable', gate);
    },
  );
});

describe('a token works once', () => {
  it('however many come at the same moment, by whichever way', async () => {
    const token = await issuer.token();
    const sends = [exchangeJwt, assertJwt, exchangeJwt, assertJwt, exchangeJwt, assertJwt];
    const answers = await Promise.all(sends.map((send) => send(at, token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    pass(300);
    expect((await exchangeJwt(at, token)).status).toBe(400);
  });

  it('even without an id of its own, and the same id of another job is another', async () => {
    const nameless = await issuer.token({ jti: undefined as unknown as string });
    expect((await exchangeJwt(at, nameless)).status).toBe(200);
    expect((await exchangeJwt(at, nameless)).status).toBe(400);
    for (const sub of [JOB, 'another job']) {
      expect((await exchangeJwt(at, await issuer.token({ sub, jti: 'one' }))).status).toBe(200);
    }
    expect((await exchangeJwt(at, await issuer.token({ jti: 'one' }))).status).toBe(400);
  });

  it('and is not used up by a request that can’t be fulfilled', async () => {
    const token = await issuer.token();
    expect((await exchangeJwt(at, token, { scope: 'everything' })).status).toBe(400);
    expect((await exchangeJwt(at, token, { expires_in: 'soon' })).status).toBe(400);
    expect((await exchangeJwt(at, token)).status).toBe(200);
  });
});

describe('keys', () => {
  it('that were rotated are fetched at once, but not for every key id that somebody makes up', async () => {
    expect((await exchangeJwt(at, await issuer.token())).status).toBe(200);
    const next = await generateKeyPair('ES256', { extractable: true });
    await issuer.publish('b', next);
    expect((await exchangeJwt(at, await issuer.token({}, { kid: 'b' }, next))).status).toBe(200);
    expect(issuer.requests()).toBe(2);
    for (let i = 0; i < 5; i++) {
      expect((await exchangeJwt(at, await issuer.token({}, { kid: `made up ${i}` }))).status).toBe(400);
    }
    expect(issuer.requests()).toBe(2);
    expect((await exchangeJwt(at, await issuer.token({}, { kid: 'a' }))).status).toBe(400);
  });

  it('may stand in the setting, for an issuer that can’t be reached', async () => {
    const jwks = { keys: [{ ...(await exportJWK(issuer.keys.publicKey)), kid: 'a' }] };
    expect((await exchangeJwt(trusting(issuer, { jwks }), await issuer.token())).status).toBe(200);
    expect(issuer.requests()).toBe(0);
  });
});

describe('an issuer that the settings spell otherwise is the same issuer', () => {
  const spellings: [string, (issuer: string) => string][] = [
    ['with a slash', (issuer) => `${issuer}/`],
    ['in upper case', (issuer) => issuer.toUpperCase()],
    ['with the default port', (issuer) => `${issuer}:443`],
  ];

  it.each(spellings)('%s: its tokens work, by its document', async (_, spell) => {
    const gate = trusting(issuer, { issuer: spell(issuer.issuer) });
    expect((await exchangeJwt(gate, await issuer.token())).status).toBe(200);
  });

  it.each(spellings)('%s: and by keys in the settings', async (_, spell) => {
    const gate = trusting(issuer, { issuer: spell(issuer.issuer), jwks_uri: issuer.jwks_uri });
    expect((await exchangeJwt(gate, await issuer.token())).status).toBe(200);
  });

  it.each(spellings)('%s: the principal stays who it is when the setting is corrected', async (_, spell) => {
    const before = trusting(issuer, { issuer: spell(issuer.issuer), jwks_uri: issuer.jwks_uri });
    const after = trusting(issuer, { jwks_uri: issuer.jwks_uri });
    const users = [];
    for (const gate of [before, after])
      users.push(accessOf(await exchangeJwt(gate, await issuer.token())).split(':')[0]);
    expect(users[0]).toBe(users[1]);
    const token = await issuer.token();
    expect((await exchangeJwt(before, token)).status).toBe(200);
    expect((await exchangeJwt(after, token)).status).toBe(400);
  });

  it.each(spellings)('%s: there twice in the settings is a mistake', async (_, spell) => {
    const twice = [issuer.issuer, spell(issuer.issuer)].map((one, index) => ({
      name: `jobs-${index}`,
      issuer: one,
      rules: [RULE],
    }));
    const health = await gateWith({ TRUSTED_ISSUERS: twice }).fetch('/health');
    expect(JSON.stringify(await health.json())).toContain('is listed twice');
  });
});

describe('an audience that is spelled otherwise is the gate all the same', () => {
  it.each([
    ['a slash at the end', 'http://localhost:8787/'],
    ['upper case', 'HTTP://LOCALHOST:8787'],
    ['a list of one', ['http://localhost:8787/']],
  ])('%s', async (_, aud) => {
    expect((await exchangeJwt(at, await issuer.token({ aud }))).status).toBe(200);
  });

  it.each([
    ['a path', 'http://localhost:8787/mcp'],
    ['another port', 'http://localhost:8788'],
    ['another scheme', 'https://localhost:8787'],
    ['another name of this computer', 'http://127.0.0.1:8787'],
    ['a user', 'http://x@localhost:8787'],
    ['a query', 'http://localhost:8787/?x'],
    ['spaces', ' http://localhost:8787'],
  ])('but not %s', async (_, aud) => {
    expect((await exchangeJwt(at, await issuer.token({ aud }))).status).toBe(400);
  });

  it('and one of the settings that is no URL must be the very text', async () => {
    const gate = trusting(issuer, { audience: 'api://Gate' });
    expect((await exchangeJwt(gate, await issuer.token({ aud: 'api://Gate' }))).status).toBe(200);
    expect((await exchangeJwt(gate, await issuer.token({ aud: 'api://gate' }))).status).toBe(400);
  });
});

describe('a token whose other claims are anything', () => {
  const deep = JSON.parse(`${'['.repeat(500)}1${']'.repeat(500)}`);
  it.each<[string, unknown]>([
    ['an object whose toString is no function', { toString: 1 }],
    ['a list of objects', [{ toString: 1 }]],
    ['a number', 7],
    ['null', null],
    ['something deep', deep],
  ])(
    '%s: works by the rule that it falls under, and is asked the others’ claims without harm',
    async (_, value) => {
      const rules = [
        {
          ...RULE,
          claims: [
            { claim: 'odd', ne: 'x' },
            { claim: 'odd', regex: '.' },
          ],
        },
        RULE,
      ];
      const gate = trusting(issuer, { rules });
      const odd = { odd: value, name: value, email: value, email_verified: value, groups: value };
      const access = accessOf(await exchangeJwt(gate, await issuer.token(odd)));
      const whoami = await callMcp(access, { gate });
      expect(whoami.body).toMatchObject({
        result: { structuredContent: { user: { name: JOB, email_verified: false } } },
      });
    },
  );

  it('a header whose `typ` is an object is malformed', async () => {
    const reasons = watchReasons();
    const head = btoa(JSON.stringify({ alg: 'ES256', kid: 'a', typ: { toString: 1 } })).replace(/=+$/, '');
    const payload = (await issuer.token()).split('.')[1];
    const data = new TextEncoder().encode(`${head}.${payload}`);
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
    const signed = new Uint8Array(
      await crypto.subtle.sign(algorithm, issuer.keys.privateKey as CryptoKey, data),
    );
    const signature = btoa(String.fromCharCode(...signed))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace(/=+$/, '');
    expect((await exchangeJwt(at, `${head}.${payload}.${signature}`)).status).toBe(400);
    expect(reasons()).toEqual(['assertion_malformed']);
  });
});

it('a rule whose pattern RE2 can’t take is a problem that names setting, value and reason', async () => {
  const rules = [{ ...RULE, claims: [{ claim: 'ref', regex: '^(?!evil)' }] }];
  const health = await trusting(issuer, { rules }).fetch('/health');
  expect(health.status).toBe(503);
  const text = JSON.stringify(await health.json());
  expect(text).toContain('TRUSTED_ISSUERS[0].rules[0].claims[0].regex');
  expect(text).toContain('^(?!evil)');
  expect(text).toContain('lookahead');
});
