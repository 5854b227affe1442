import { type Identity, VISITOR } from './identity';

/** What the keys of the list of people in `OAUTH_KV` begin with; the rest is the user id. */
export const PEOPLE_INDEX = 'person:';

/** Who somebody is, as the metadata of their key: for finding people without asking every object. */
export interface IndexedPerson {
  name: string;
  email?: string;
  provider: string;
  groups: string[];
}

/** The most that KV takes as metadata, in bytes, with some to spare. */
const MOST_BYTES = 1_000;

/** The metadata of a person; undefined for a visitor, whom nobody looks for. As many groups as fit. */
export function indexedPerson({ name, email, provider, groups }: Identity): IndexedPerson | undefined {
  if (provider === VISITOR) return undefined;
  const person: IndexedPerson = { name: name.slice(0, 100), provider: provider.slice(0, 64), groups: [] };
  if (email !== undefined) person.email = email.slice(0, 254);
  for (const group of groups) {
    const longer = { ...person, groups: [...person.groups, group] };
    if (bytesOf(longer) > MOST_BYTES) break;
    person.groups = longer.groups;
  }
  return person;
}

function bytesOf(value: object): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
