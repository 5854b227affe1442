import { env } from 'cloudflare:workers';
import type { Identity } from '../../src/account/principal/identity';
import { parseKeyring, sign, userIdOf } from '../../src/crypto';
import { Browser, type Gate } from '../fixtures/worker';

/** A person of the provider `acme` of {@link ACME}; `changes` over it. */
export function acmePerson(changes: Partial<Identity> = {}): Identity {
  return {
    provider: 'acme',
    issuer: 'https://id.acme.example',
    subject: 'ada',
    name: 'Ada',
    email: 'ada@acme.example',
    email_verified: true,
    groups: [],
    ...changes,
  };
}

/** Settings with a provider beside `local`. */
export const ACME = {
  SIGN_IN: JSON.stringify({
    methods: ['oidc', 'local'],
    oidc: [{ name: 'acme', title: 'Acme', issuer: 'https://id.acme.example', client_id: 'gate' }],
  }),
};

/**
 * A browser in which that person has signed in, as it stands once the provider sent them back: the sign-in is
 * made by the `Account` itself, the cookie signed with the deployment's key.
 */
export async function browserOf(identity: Identity, at: Gate): Promise<Browser> {
  const keyring = parseKeyring(env.GATEHOUSE_KEYS ?? '');
  if (!keyring.ok) throw new Error('the tests have no keys');
  const userId = await userIdOf(keyring.value, identity.issuer, identity.subject);
  const account = env.ACCOUNT.getByName(userId);
  const { id, secret } = await account.signIn(userId, identity, { userAgent: 'test', ttl: 43_200 });
  const value = [userId, id, secret].join('.');
  const browser = new Browser(at);
  const signature = await sign(keyring.value, 'sign-in', value);
  browser.cookies.set('gatehouse-sign-in', `${value}.${signature}`);
  return browser;
}
