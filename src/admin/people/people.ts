import { type AccountOverview, findAccount, type IndexedPerson, PEOPLE_INDEX } from '../../account';
import { forgetInTrail, record } from '../../audit';
import { deploymentOf } from '../../config';
import { clientSettingOf, loopbackOrigins } from '../../upstream';
import type { AdminContext } from '../shared/admit';

/** Somebody as the list shows them. */
export type ListedPerson = { id: string } & IndexedPerson;

/** People who fit, and whether there are more. `cursor`: where the list goes on. */
export interface PeopleFound {
  people: ListedPerson[];
  more: boolean;
  cursor?: string | undefined;
}

/** Names in KV that one listing gives, and how many listings one search takes at most. */
const LISTED = 1_000;
const MOST_LISTINGS = 20;

/**
 * People by name, address, group, or user id; without a `query`, all of them in pages. By the copies in KV: somebody
 * who signed in for the first time a moment ago may be missing for a minute.
 */
export async function findPeople(
  env: Env,
  { query = '', limit, cursor }: { query?: string | undefined; limit: number; cursor?: string | undefined },
): Promise<PeopleFound> {
  const wanted = query.trim().toLowerCase();
  if (wanted === '') {
    const { people, next } = await listPart(env, limit, cursor);
    return { people, more: next !== undefined, cursor: next };
  }
  const found: ListedPerson[] = [];
  let from = cursor;
  for (let listing = 0; listing < MOST_LISTINGS; listing++) {
    const { people, next } = await listPart(env, LISTED, from);
    found.push(...people.filter((person) => fits(person, wanted)));
    from = next;
    if (next === undefined || found.length > limit) break;
  }
  return { people: found.slice(0, limit), more: found.length > limit || from !== undefined };
}

async function listPart(env: Env, limit: number, cursor: string | undefined) {
  const listed = await env.OAUTH_KV.list<IndexedPerson>({
    prefix: PEOPLE_INDEX,
    limit,
    ...(cursor === undefined ? {} : { cursor }),
  });
  const people = listed.keys.flatMap(({ name, metadata }) =>
    metadata ? [{ id: name.slice(PEOPLE_INDEX.length), ...metadata }] : [],
  );
  return { people, next: listed.list_complete ? undefined : listed.cursor };
}

function fits({ id, name, email, groups }: ListedPerson, wanted: string): boolean {
  const texts = [name, email ?? '', ...groups].map((text) => text.toLowerCase());
  return id.toLowerCase() === wanted || texts.some((text) => text.includes(wanted));
}

/** What somebody has; undefined when there is nobody of that id. */
export async function findPerson(c: AdminContext, id: string): Promise<AccountOverview | undefined> {
  const account = await findAccount(deploymentOf(c), id);
  return account?.overview();
}

/** What can be done to somebody's account. */
export const PERSON_ACTIONS = ['disable', 'enable', 'sign-out', 'erase'] as const;
export type PersonAction = (typeof PERSON_ACTIONS)[number];

/** The events of {@link changePerson} in the trail. */
const EVENTS: Record<PersonAction, string> = {
  disable: 'user_disabled',
  enable: 'user_enabled',
  'sign-out': 'user_signed_out',
  erase: 'user_erased',
};

/** Does something to somebody's account, at once. False when there is nobody of that id. */
export async function changePerson(c: AdminContext, id: string, action: PersonAction): Promise<boolean> {
  const account = await findAccount(deploymentOf(c), id);
  const person = await account?.overview();
  if (!account || !person) return false;
  if (action === 'disable') await account.disable();
  else if (action === 'enable') await account.enable();
  else if (action === 'sign-out') await account.signOutEverywhere();
  else await erase(c, id, person);
  record(c, { event: EVENTS[action], outcome: 'ok', ...c.var.by, detail: id });
  return true;
}

/** Erases everything of somebody, and their name in the trail. Connections are ended at their providers too. */
async function erase(c: AdminContext, id: string, { connections }: AccountOverview): Promise<void> {
  const deployment = deploymentOf(c);
  const account = await findAccount(deployment, id);
  for (const { server: name } of connections) {
    const server = deployment.settings.servers.find((one) => one.name === name);
    const loopback = server ? loopbackOrigins(deployment, server) : [];
    await account?.disconnect(name, loopback, server && clientSettingOf(server));
  }
  await account?.erase();
  await forgetInTrail(deployment, id);
}
