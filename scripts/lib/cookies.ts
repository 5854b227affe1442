interface Cookie {
  name: string;
  value: string;
  host: string;
  path: string;
  secure: boolean;
  /** Milliseconds since the epoch; undefined: until the browser is closed. */
  expires: number | undefined;
}

/** A browser's cookies (RFC 6265, section 5): by host, not port; no `Domain`, which the gate never sets. */
export class CookieJar {
  #cookies: Cookie[] = [];

  /** Stores the cookies of `Set-Cookie` headers; one that has expired removes the old one. */
  store(url: URL, setCookies: readonly string[], now = Date.now()): void {
    for (const text of setCookies) {
      const cookie = parseCookie(text, url, now);
      this.#cookies = this.#cookies.filter(
        (old) => old.name !== cookie.name || old.host !== cookie.host || old.path !== cookie.path,
      );
      if (cookie.expires === undefined || cookie.expires > now) this.#cookies.push(cookie);
    }
  }

  /** The `Cookie` header for a request; undefined when there is nothing to send. */
  header(url: URL, now = Date.now()): string | undefined {
    const sent = this.#cookies.filter(
      (cookie) =>
        cookie.host === url.hostname &&
        matchesPath(url.pathname, cookie.path) &&
        (!cookie.secure || url.protocol === 'https:' || url.hostname === 'localhost') &&
        (cookie.expires === undefined || cookie.expires > now),
    );
    return sent.map((cookie) => `${cookie.name}=${cookie.value}`).join('; ') || undefined;
  }

  /** The names of all stored cookies. */
  names(): string[] {
    return this.#cookies.map((cookie) => cookie.name);
  }
}

function parseCookie(text: string, url: URL, now: number): Cookie {
  const [pair = '', ...rest] = text.split(';').map((part) => part.trim());
  const [name, value] = split(pair);
  const attributes = new Map(
    rest.map((part) => {
      const [key, setting] = split(part);
      return [key.toLowerCase(), setting];
    }),
  );
  const age = attributes.get('max-age');
  const date = attributes.get('expires');
  const path = attributes.get('path');
  return {
    name,
    value,
    host: url.hostname,
    path: path?.startsWith('/') ? path : url.pathname.replace(/\/[^/]*$/, '') || '/',
    secure: attributes.has('secure'),
    expires: age !== undefined ? now + Number(age) * 1000 : date !== undefined ? Date.parse(date) : undefined,
  };
}

function split(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function matchesPath(path: string, cookiePath: string): boolean {
  return path === cookiePath || path.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`);
}
