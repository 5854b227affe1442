import type { Context } from 'hono';
import { mayKnow, roleAt } from '../../account';
import { deploymentOf } from '../../config';
import type { Flow } from '../../flow';
import type { Resource } from '../../resource';
import { ok, type Refusal, type Result, refuse } from '../../result';
import { currentSignIn } from '../../sign-in';
import { type PageRefusal, refusePage, words } from '../../ui';
import type { AuthorizationFlow, Person } from './request';

/**
 * The person who is signed in at this browser, with the role that they have at the resource. Refused as `signed_out`
 * when nobody is signed in, else with a page: that person has no role at the resource, or may not know of its server.
 */
export async function requireSignedInPerson(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  resource: Resource,
): Promise<Result<Person, Refusal<'signed_out'> | PageRefusal>> {
  const signedIn = await currentSignIn(c);
  if (!signedIn) return refuse('signed_out');
  const { settings } = deploymentOf(c);
  const name = resource.kind === 'server' ? resource.server : undefined;
  const server = settings.servers.find((one) => one.name === name);
  const { identity, userId } = signedIn;
  const role = server ? roleAt(identity, server, settings) : signedIn.role;
  if (role && (!server || mayKnow(server, identity))) return ok({ ...signedIn, role });
  await flow.stage('select-account', true);
  const action = { label: words.consent.switchAccount, href: `/sign-in?flow=${flow.id}` };
  return refusePage('no_access', { about: identity.email ?? identity.name, detail: userId, action });
}
