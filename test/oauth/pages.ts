import {
  type AuthorizeOptions,
  Browser,
  type Client,
  formWith,
  gate,
  locationOf,
  makePkce,
  openAuthorization,
  type Page,
  registerClient,
} from '../fixtures/worker';

/** A flow that stands before a page that the person has to answer. */
export interface Waiting {
  page: Page;
  /** The flow's own address. */
  url: string;
  browser: Browser;
  client: Client;
  code_verifier: string;
}

type Options = Omit<AuthorizeOptions, 'scope' | 'expires'>;

/** Opens an authorization request; the page is sign-in, or consent where the browser is signed in. */
export async function openFlow(options: Options = {}): Promise<Waiting> {
  const at = options.gate ?? options.browser?.gate ?? gate;
  const browser = options.browser ?? new Browser(at);
  const client = options.client ?? (await registerClient({}, at));
  const { code_verifier, code_challenge } = await makePkce();
  const opened = await openAuthorization(browser, client, { code_challenge, ...options.request });
  return { ...opened, browser, client, code_verifier };
}

/** As {@link openFlow}, and signs in where that is asked for: the page is consent. */
export async function openConsent(options: Options = {}): Promise<Waiting> {
  const waiting = await openFlow(options);
  if (!waiting.page.forms.some(({ names }) => names.includes('method'))) return waiting;
  const user = { method: 'local', name: 'Ada', ...options.user };
  const signedIn = await waiting.browser.submit(formWith(waiting.page, 'method'), user);
  return { ...waiting, page: await waiting.browser.visit(locationOf(signedIn)) };
}

/** Answers the consent page; the fields over those of a plain Allow. */
export function decide(
  { browser, page }: Pick<Waiting, 'browser' | 'page'>,
  fields: Record<string, string | string[]> = {},
): Promise<Page> {
  const answer = { scope: ['mcp:read', 'mcp:write'], expires: '', decision: 'allow' };
  return browser.submit(formWith(page, 'decision'), { ...answer, ...fields });
}
