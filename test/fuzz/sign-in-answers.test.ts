import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { distort, distortion } from '../fixtures/fuzz/distortions';
import { casesOr, check, isEnough, timeFor } from '../fixtures/fuzz/settings';
import { soundPage } from '../fixtures/fuzz/soundness';
import { oddJson, oddPairs } from '../fixtures/fuzz/unusual-values';
import { connectAt, gateAt, onNetwork, SignInProvider } from '../fixtures/sign-in-provider';
import { Browser, formWith, refresh } from '../fixtures/worker';

/* A sign-in provider one of whose answers is odd: its documents, its tokens, what it says of a person. */

const CASES = casesOr(30);

afterEach(() => {
  vi.restoreAllMocks();
});

/** Sends a browser to the provider and back, with `callback` in the place of what a provider sends back with. */
async function signIn(provider: SignInProvider, callback?: string): Promise<number> {
  onNetwork(provider);
  const browser = new Browser(gateAt(provider));
  const opened = await browser.visit('/sign-in');
  const page = await browser.visit(opened.location ?? '');
  const away = await soundPage(
    await browser.submit(formWith(page, 'provider'), { method: 'oidc', provider: 'acme' }),
  );
  if (away === undefined) return 0;
  const sent = new URL(away);
  expect(sent.protocol).toBe('https:');
  provider.nonce = sent.searchParams.get('nonce') ?? '';
  const state = sent.searchParams.get('state') ?? '';
  const query =
    callback?.replaceAll('STATE', encodeURIComponent(state)) ?? new URLSearchParams({ state, code: 'c' });
  const back = await browser.visit(`/sign-in/callback?${query}`);
  const location = await soundPage(back);
  if (location === undefined) return 0;
  // Without a scope that the provider refused, the browser goes there once more.
  if (location.startsWith(`${sent.origin}/`)) return 0;
  expect(location.startsWith('/')).toBe(true);
  await soundPage(await browser.visit(location));
  return 1;
}

test(
  'an odd document, token or answer of a provider is a page, and signs nobody in by halves',
  async () => {
    let signedIn = 0;
    const paths = fc.constantFrom('openid-configuration', 'jwks', 'token', 'userinfo');
    const property = fc.asyncProperty(paths, distortion, async (path, change) => {
      const provider = new SignInProvider();
      provider.userinfo = () => Response.json({ sub: 'ada', name: 'Ada', groups: ['staff'] });
      provider.claims = { sub: 'ada' };
      distort(provider, { [path]: change });
      signedIn += await signIn(provider);
    });
    await check('answers of a sign-in provider', property, CASES);
    expect(isEnough(signedIn, CASES), `${signedIn} of ${CASES}`).toBe(true);
  },
  timeFor(CASES, 60),
);

test(
  'an odd claim in a token that is rightly signed is a page, or is as if it weren’t there',
  async () => {
    let signedIn = 0;
    const names = [
      'sub',
      'name',
      'email',
      'email_verified',
      'groups',
      'iss',
      'aud',
      'nonce',
      'exp',
      'iat',
      'azp',
    ];
    const claim = fc.constantFrom(...names, 'nbf', 'preferred_username', '__proto__', 'auth_time');
    const property = fc.asyncProperty(claim, oddJson, async (name, json) => {
      const provider = new SignInProvider();
      let value: unknown;
      try {
        value = JSON.parse(json);
        // What can't be written can't be signed.
        JSON.stringify(value);
      } catch {
        return;
      }
      provider.claims = { ...provider.claims, [name]: value };
      signedIn += await signIn(provider);
    });
    await check('claims', property, CASES);
    expect(isEnough(signedIn, CASES), `${signedIn} of ${CASES}`).toBe(true);
  },
  timeFor(CASES, 60),
);

test(
  'an odd callback signs nobody in, and none of it is shown as it is',
  async () => {
    const parameters = { state: 'STATE', code: 'c', iss: 'https://id.example', error: 'access_denied' };
    const queries = oddPairs({ ...parameters, error_description: 'x', session_state: 'x' });
    const property = fc.asyncProperty(queries, async (query) => {
      await signIn(new SignInProvider(), query);
    });
    await check('callbacks of a sign-in', property, CASES);
  },
  timeFor(CASES, 60),
);

test(
  'an odd answer to the question whether somebody is still there is no error of ours',
  async () => {
    const property = fc.asyncProperty(
      fc.constantFrom('token', 'jwks', 'userinfo'),
      distortion,
      async (path, change) => {
        const provider = new SignInProvider();
        onNetwork(provider);
        const app = await connectAt(provider, gateAt(provider, { recheck: 1 }));
        vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 });
        distort(provider, { [path]: change });
        const { status, body } = await refresh(app, app.tokens.refresh_token);
        vi.useRealTimers();
        expect(status).toBeLessThan(500);
        if (status !== 200) expect(body.error).toMatch(/^(invalid_grant|temporarily_unavailable)$/);
      },
    );
    await check('answers to a recheck', property, Math.ceil(CASES / 2));
  },
  timeFor(CASES, 60),
);
