import { CookieJar } from './cookies.ts';
import { type Document, type Fields, type Form, fillForm, hasField, parseDocument } from './html.ts';

/** An answer: a page, or a redirect to an origin that the walker doesn't follow. */
export interface Page extends Document {
  url: URL;
  status: number;
  headers: Headers;
  html: string;
  /** The target of a redirect that wasn't followed, usually the client. */
  leaves: URL | undefined;
}

/** The choices on the consent page; unset: those that the page proposes. `expires`: `YYYY-MM-DD`. */
export interface Choices {
  scopes?: readonly string[];
  servers?: readonly string[];
  expires?: string;
  /** The button on the page "Connect your accounts", if it is shown; unset: `skip`. */
  services?: 'finish' | 'skip';
}

const MAX_REDIRECTS = 10;

/**
 * Walks through Gatehouse's pages like a person whose browser has no scripts: keeps cookies, follows redirects within
 * the gate (and the origins in `also`, such as a sign-in provider's), and fills in the forms of the page. Every step
 * throws an error with the page's text when it can't find what it needs.
 */
export class Walker {
  readonly origin: string;
  readonly cookies = new CookieJar();
  readonly #origins: ReadonlySet<string>;
  #page: Page | undefined;

  constructor(origin: string, options: { also?: readonly string[] } = {}) {
    this.origin = origin;
    this.#origins = new Set([origin, ...(options.also ?? [])]);
  }

  /** The current page. */
  get page(): Page {
    if (!this.#page) throw new Error('no page has been opened yet');
    return this.#page;
  }

  /** Opens an address: absolute, or a path at the gate. */
  open(address: string | URL): Promise<Page> {
    return this.#go(new URL(address, this.#page?.url ?? this.origin), 'GET');
  }

  /** Sends a form of the current page, with `fields` filled in (a button is a field, too). */
  submit(form: Form, fields: Fields): Promise<Page> {
    const pairs = new URLSearchParams(fillForm(form, fields));
    if (form.method === 'POST') return this.#go(form.action, 'POST', pairs);
    const url = new URL(form.action);
    url.search = pairs.toString();
    return this.#go(url, 'GET');
  }

  /** Sends any pairs to any address, as a page of the gate would, for what no form offers. */
  post(address: string | URL, pairs: Record<string, string> | [string, string][]): Promise<Page> {
    return this.#go(new URL(address, this.origin), 'POST', new URLSearchParams(pairs));
  }

  /** The form of the current page that has a field with this name (and value). */
  form(name: string, value?: string): Form {
    const form = this.page.forms.find((candidate) => hasField(candidate, name, value));
    if (!form)
      throw new Error(`no form with ${name}${value ? `=${value}` : ''} here: ${describe(this.page)}`);
    return form;
  }

  /** Opens `/authorize` with these parameters (RFC 6749, section 4.1.1). */
  authorize(params: Record<string, string>): Promise<Page> {
    return this.open(`/authorize?${new URLSearchParams(params)}`);
  }

  /** Signs in with a name, which works on loopback. `groups`: separated by commas. */
  signInLocal(name: string, more: { email?: string; groups?: string } = {}): Promise<Page> {
    return this.submit(this.form('method', 'local'), { method: 'local', name, ...more });
  }

  /** Chooses a sign-in provider of `SIGN_IN.oidc`; stops at the first page or redirect outside. */
  signInWith(provider: string): Promise<Page> {
    return this.submit(this.form('provider', provider), { provider });
  }

  /** Decides on the consent page; returns the redirect to the client. */
  async decide(decision: 'allow' | 'deny', choices: Choices = {}): Promise<URL> {
    const page = await this.submit(this.form('decision', decision), {
      decision,
      ...(choices.scopes ? { scope: choices.scopes } : {}),
      ...(choices.servers ? { server: choices.servers } : {}),
      ...(choices.expires ? { expires: choices.expires } : {}),
    });
    if (page.leaves) return page.leaves;
    return this.#endServices(choices.services);
  }

  /** Leaves the page "Connect your accounts", which follows consent; returns the redirect to the client. */
  async #endServices(wanted: 'finish' | 'skip' = 'skip'): Promise<URL> {
    const at = this.page;
    if (at.url.searchParams.get('step') !== 'services')
      throw new Error(`the decision didn’t lead back to the client: ${describe(at)}`);
    const { leaves } = await this.submit(this.form('decision', wanted), { decision: wanted });
    if (!leaves)
      throw new Error(`the page of accounts didn’t lead back to the client: ${describe(this.page)}`);
    return leaves;
  }

  /** Goes from `/authorize` to the redirect to the client, and signs in with a name if necessary. */
  async allow(params: Record<string, string>, name: string, choices: Choices = {}): Promise<URL> {
    const page = await this.authorize(params);
    if (page.forms.some((form) => hasField(form, 'method', 'local'))) await this.signInLocal(name);
    return this.decide('allow', choices);
  }

  async #go(url: URL, method: 'GET' | 'POST', body?: URLSearchParams, hops = 0): Promise<Page> {
    const cookie = this.cookies.header(url);
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
        ...(cookie ? { cookie } : {}),
        ...(method === 'POST' ? { origin: this.#sender() } : {}),
      },
      ...(body ? { body } : {}),
    });
    this.cookies.store(url, response.headers.getSetCookie());
    const location = response.headers.get('location');
    const target =
      location && response.status >= 300 && response.status < 400 ? new URL(location, url) : undefined;
    if (target && this.#origins.has(target.origin)) {
      await response.body?.cancel();
      if (hops === MAX_REDIRECTS)
        throw new Error(`more than ${MAX_REDIRECTS} redirects, the last to ${target}`);
      const again = response.status === 307 || response.status === 308;
      return again ? this.#go(target, method, body, hops + 1) : this.#go(target, 'GET', undefined, hops + 1);
    }
    const html = await response.text();
    this.#page = {
      ...parseDocument(html, url),
      url,
      status: response.status,
      headers: response.headers,
      html,
      leaves: target,
    };
    return this.#page;
  }

  /** The `Origin` that a browser sends with a form: `null` from a page with `Referrer-Policy: no-referrer`. */
  #sender(): string {
    if (!this.#page) return this.origin;
    const policy = this.#page.headers.get('referrer-policy');
    return policy === 'no-referrer' ? 'null' : this.#page.url.origin;
  }
}

/** A page in one line, for messages. */
export function describe(page: Page): string {
  const target = page.leaves ? ` to ${page.leaves}` : '';
  return `${page.status}${target} at ${page.url.pathname}: ${page.title || page.html.slice(0, 80)} — ${page.text.slice(0, 300)}`;
}
