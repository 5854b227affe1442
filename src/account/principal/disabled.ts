/** The key in the object's storage, apart from its tables: since when the account is disabled. */
const KEY = 'disabled_at';

/** Whether an admin has disabled an account: its person can't sign in, and its keys are refused. */
export class Disabled {
  constructor(private readonly kv: SyncKvStorage) {}

  /** Since when; seconds since the epoch. Undefined: it isn't. */
  since(): number | undefined {
    return this.kv.get<number>(KEY);
  }

  set(now: number): void {
    this.kv.put(KEY, this.since() ?? now);
  }

  clear(): void {
    this.kv.delete(KEY);
  }
}
