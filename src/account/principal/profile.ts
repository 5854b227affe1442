import type { Role } from '../../config';
import type { Identity } from './identity';
import { type IndexedPerson, indexedPerson, PEOPLE_INDEX } from './people-index';

type ProfileRow = {
  id: number;
  user_id: string;
  provider: string;
  issuer: string;
  subject: string;
  name: string;
  email: string | null;
  email_verified: number;
  groups: string;
  role: string | null;
  claims: string | null;
  updated_at: number;
};

/** Who the principal of an account is, as of the last sign-in, or of the provider's last answer when it was asked again. */
export class Profile {
  constructor(private readonly sql: SqlStorage) {}

  /** The account's own user id; empty if nobody has signed in yet. */
  userId(): string {
    return this.row()?.user_id ?? '';
  }

  /** When the identity was saved; seconds since the epoch, 0 if never. */
  savedAt(): number {
    return this.row()?.updated_at ?? 0;
  }

  /** Undefined if nobody has signed in yet, or the visitor was merged into a user. */
  identity(): Identity | undefined {
    const row = this.row();
    if (!row) return undefined;
    const { user_id: _, id: __, updated_at: ___, role, claims, ...rest } = row;
    return {
      ...rest,
      email: rest.email ?? undefined,
      email_verified: rest.email_verified === 1,
      groups: JSON.parse(rest.groups) as string[],
      ...(role === null ? {} : { role: role as Role }),
      ...(claims === null ? {} : { rule_claims: JSON.parse(claims) as Record<string, string[]> }),
    };
  }

  /** `now`: seconds since the epoch. */
  save(userId: string, identity: Identity, now: number): void {
    this.index(userId, identity);
    const { provider, issuer, subject, name, email, email_verified, groups, role, rule_claims } = identity;
    this.sql.exec(
      `INSERT OR REPLACE INTO profile
       (id, user_id, provider, issuer, subject, name, email, email_verified, groups, role, claims, updated_at)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      userId,
      provider,
      issuer,
      subject,
      name,
      email ?? null,
      email_verified ? 1 : 0,
      JSON.stringify(groups),
      role ?? null,
      rule_claims === undefined ? null : JSON.stringify(rule_claims),
      now,
    );
  }

  /** Forgets who the principal is. */
  erase(): void {
    this.copy(this.userId(), null);
    this.sql.exec('DELETE FROM profile');
  }

  /** Notes who that is for the list of people in KV, unless it says so already. Within the caller's transaction. */
  private index(userId: string, identity: Identity): void {
    const before = this.identity();
    const [known, person] = [before && indexedPerson(before), indexedPerson(identity)];
    if (person && JSON.stringify(person) !== JSON.stringify(known)) this.copy(userId, person);
  }

  private copy(userId: string, person: IndexedPerson | null): void {
    const columns = person ? ['1', JSON.stringify(person)] : [null, null];
    const insert = 'INSERT INTO outbox (key, value, metadata) VALUES (?, ?, ?)';
    this.sql.exec(insert, `${PEOPLE_INDEX}${userId}`, ...columns);
  }

  private row(): ProfileRow | undefined {
    return this.sql.exec('SELECT * FROM profile').toArray()[0] as ProfileRow | undefined;
  }
}
