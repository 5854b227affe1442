/*
 * What an isolate remembers between requests: every cache there is, with its key, its bound and its lifetime. Losing
 * any of it costs time and nothing else. docs/storage.md ("Caches in an isolate") lists the same for operators.
 */

/** How much a cache holds, and for how long. */
export interface CacheLimits {
  /** Entries; beyond them the oldest goes. */
  maxEntries: number;
  /** Milliseconds that an entry lives, unless it says less itself. */
  ttlMs: number;
}

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
/** Entries that never become wrong: they end with the isolate, or when newer entries need the space. */
const LASTING = Number.POSITIVE_INFINITY;

/** By name; the comment says by what an entry is known. */
export const CACHES = {
  /** One entry: what `parseSettings` makes of the environment. */
  settings: { maxEntries: 1, ttlMs: LASTING },
  /** The text of `GATEHOUSE_KEYS`; empty: the local record. */
  keyrings: { maxEntries: 4, ttlMs: LASTING },
  /** The text of a regular expression of the settings. */
  patterns: { maxEntries: 1_000, ttlMs: LASTING },
  /** One entry: what waits to be stored in the audit trail. Lost with the isolate (docs/admin.md). */
  auditQueue: { maxEntries: 1, ttlMs: LASTING },
  /** Version of the master key, and period of 30 days. */
  identityKeys: { maxEntries: 64, ttlMs: LASTING },
  /** Server, user, and a hash of kind, account, and everything that the server learns about the principal. */
  serverLists: { maxEntries: 1_000, ttlMs: 600 * SECOND },
  /** Server and a hash as in `serverLists`: how the server answered when it was first spoken to. */
  serverHandshakes: { maxEntries: 1_000, ttlMs: 60 * SECOND },
  /** Server and a key of `serverLists`: who failed to list what. */
  serverFailures: { maxEntries: 1_000, ttlMs: 60 * SECOND },
  /** Server: its URL with a slash more or less at the end, to which it redirects. */
  serverSlashes: { maxEntries: 256, ttlMs: 600 * SECOND },
  /** One entry: what `/health` says of the servers. */
  serverHealth: { maxEntries: 1, ttlMs: 15 * SECOND },
  /** Canonical issuer of a sign-in provider: its metadata. */
  signInProviders: { maxEntries: 256, ttlMs: 600 * SECOND },
  /** Issuer (as the setting spells it) and client id: what the provider did with the scope `offline_access`. */
  offlineAccess: { maxEntries: 256, ttlMs: 600 * SECOND },
  /** Canonical issuer of `TRUSTED_ISSUERS`: where its keys are, or that nobody could tell (30 s). */
  trustedIssuers: { maxEntries: 256, ttlMs: HOUR },
  /** Address of a key set: that it was fetched again because of an unknown key. */
  refetchedKeys: { maxEntries: 256, ttlMs: 30 * SECOND },
  /** Address of a key set: its keys, which `jose` fetches again after 5 minutes. */
  verificationKeys: { maxEntries: 256, ttlMs: HOUR },
} as const satisfies Record<string, CacheLimits>;

export type CacheName = keyof typeof CACHES;

/** A bounded map whose entries expire. */
export class Cache<V> {
  readonly #entries = new Map<string, { value: V; until: number }>();

  constructor(private readonly limits: CacheLimits) {}

  /** The value under a key; undefined when there is none, or its time is over. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.until > Date.now()) return entry?.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** Keeps a value. `ttlMs`: for how long; never longer than the cache does. */
  set(key: string, value: V, ttlMs: number = this.limits.ttlMs): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.limits.maxEntries) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    this.#entries.set(key, { value, until: Date.now() + Math.min(ttlMs, this.limits.ttlMs) });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** The keys that are kept, from the oldest on. */
  keys(): string[] {
    return [...this.#entries.keys()];
  }

  /** The values whose time isn't over, from the oldest on. */
  values(): V[] {
    return this.keys().flatMap((key) => this.get(key) ?? []);
  }
}

/** By whose they are: the environment, mostly, so that two deployments in one isolate share nothing. */
const owned = new WeakMap<object, Map<CacheName, Cache<unknown>>>();
const ISOLATE = {};

/**
 * One of {@link CACHES}, as the file that fills it sees it: it says what the values are. The function returns the
 * cache of an owner; without one, that of the whole isolate.
 */
export function isolateCache<V>(name: CacheName): (owner?: object) => Cache<V> {
  return (owner = ISOLATE) => {
    const caches = owned.get(owner) ?? new Map<CacheName, Cache<unknown>>();
    owned.set(owner, caches);
    const cache = caches.get(name) ?? new Cache<unknown>(CACHES[name]);
    caches.set(name, cache);
    return cache as Cache<V>;
  };
}
