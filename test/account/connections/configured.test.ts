import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOfAnotherClient } from '../../../src/account/connections/configured';
import { Connections } from '../../../src/account/connections/connections';
import type {
  ClientSetting,
  Connector,
  CredentialRequest,
  OAuthCredential,
} from '../../../src/account/connections/credential';
import { ConnectionStore } from '../../../src/account/connections/store';
import { makeKeyringText, parseKeyring } from '../../../src/crypto';
import { refuse } from '../../../src/result';
import { pass, startClock, stopClock } from '../../fixtures/clock';

/* The secret of a client that was registered by hand goes to the authorization server that gave it. */

beforeEach(stopClock);
afterEach(startClock);

const PLACE = 'https://tools.example/mcp';
const A = { issuer: 'https://a.example', token_endpoint: 'https://a.example/token' };
const FIXED = { issuer: null, token_endpoint: 'https://a.example/token' };
const OLDER = { token_endpoint: 'https://a.example/token' };
const setting = (over: Partial<ClientSetting> = {}): ClientSetting => ({
  client_id: 'ours',
  token_endpoint: undefined,
  issuers: undefined,
  ...over,
});

function credential(provider: OAuthCredential['provider'], kind: 'configured' | 'registered' = 'configured') {
  const client = { kind, client_id: 'ours', ...(kind === 'registered' && { client_secret: 'registered' }) };
  return { client, provider };
}

describe('a credential of a client of the settings', () => {
  it.each([
    ['while they name no other', A, setting(), false],
    [
      'by a list that has its issuer',
      A,
      setting({ issuers: ['https://b.example', 'https://a.example/'] }),
      false,
    ],
    ['by a list without it', A, setting({ issuers: ['https://b.example'] }), true],
    ['of another id', A, setting({ client_id: 'theirs' }), true],
    ['with no id any more', A, setting({ client_id: undefined }), true],
    ['with endpoints now, and the same', A, setting({ token_endpoint: A.token_endpoint }), false],
    ['with endpoints now, and others', A, setting({ token_endpoint: 'https://b.example/token' }), true],
    ['with the same endpoints', FIXED, setting({ token_endpoint: FIXED.token_endpoint }), false],
    ['without endpoints now', FIXED, setting(), true],
    ['that is older, by a list', OLDER, setting({ issuers: ['https://a.example'] }), false],
    ['that is older, and nothing to compare', OLDER, setting(), false],
    ['that is older, with other endpoints', OLDER, setting({ token_endpoint: 'https://b.example/t' }), true],
    ['whose server is gone from the settings', A, undefined, false],
  ])('%s', (_what, provider, client, another) => {
    expect(isOfAnotherClient(credential(provider), client)).toBe(another);
    expect(isOfAnotherClient(credential(provider, 'registered'), client)).toBe(false);
  });
});

/** What a provider is asked with, of a credential whose client the settings name as `client`. */
async function asked(name: string, client: ClientSetting, then: 'renew' | 'disconnect') {
  const secrets: (string | undefined)[] = [];
  const connector: Connector = {
    refresh: async (_, { clientSecret }) => {
      secrets.push(clientSecret);
      return refuse('refresh_rejected');
    },
    revoke: async (_, { clientSecret }) => {
      secrets.push(clientSecret);
      return true;
    },
  };
  const keyring = parseKeyring(makeKeyringText('2026-11'));
  if (!keyring.ok) throw new Error('no keys');
  return runInDurableObject(env.ACCOUNT.getByName(name), async (_, { storage }) => {
    const connections = new Connections(new ConnectionStore(storage, () => name), {
      userId: () => name,
      keyring: async () => keyring.value,
      connector,
      clientSecret: () => 'of the settings now',
      log: () => undefined,
    });
    const tokens = { access_token: 'a', refresh_token: 'r', expires_at: Math.floor(Date.now() / 1000) + 60 };
    const about = { auth: 'oauth', server: 'tools', resource: PLACE } as const;
    await connections.connect([{ credential: { ...about, ...tokens, ...credential(A) }, place: PLACE }]);
    pass(120);
    const wanted: CredentialRequest = {
      server: 'tools',
      auth: 'oauth',
      place: PLACE,
      header: 'Authorization',
      loopback: [],
      client,
    };
    if (then === 'disconnect') await connections.disconnect('tools', [], client);
    const answer = then === 'renew' ? await connections.credential(wanted) : undefined;
    return { secrets, answer };
  });
}

describe('a secret of the settings', () => {
  const moved = setting({ token_endpoint: 'https://b.example/token' });

  it('renews and ends what came from its own client', async () => {
    expect((await asked('own-renew', setting(), 'renew')).secrets).toEqual(['of the settings now']);
    expect((await asked('own-end', setting(), 'disconnect')).secrets).toEqual(['of the settings now']);
  });

  it('is not sent to the provider of before when the settings name another: the person is asked', async () => {
    const { secrets, answer } = await asked('moved-renew', moved, 'renew');
    expect(secrets).toEqual([]);
    expect(answer).toMatchObject({
      ok: false,
      error: { reason: 'needs_reauthorization', detail: 'client_changed' },
    });
  });

  it('is not sent there to end the connection either', async () => {
    expect((await asked('moved-end', moved, 'disconnect')).secrets).toEqual([undefined]);
  });
});
