import type { Context } from 'hono';
import { mayKnow, roleAt } from '../../account';
import { deploymentOf } from '../../config';
import type { Flow } from '../../flow';
import { parseResource } from '../../resource';
import { currentSignIn } from '../../sign-in';
import { PageProblem, words } from '../../ui';
import type { AuthorizationFlow, Person } from './request';

/** Who is signed in; ends with a page when that account has no role at what the request is for. */
export async function requireSignedInPerson(
  c: Context,
  flow: Flow<AuthorizationFlow>,
): Promise<Person | undefined> {
  const signedIn = await currentSignIn(c);
  if (!signedIn) return undefined;
  const { settings } = deploymentOf(c);
  const resource = parseResource(deploymentOf(c), flow.data.request.resource);
  const wanted = resource?.kind === 'server' ? resource.server : undefined;
  const server = settings.servers.find(({ name }) => name === wanted);
  const { identity, userId } = signedIn;
  const role = server ? roleAt(identity, server, settings) : signedIn.role;
  if (role && (!server || mayKnow(server, identity))) return { ...signedIn, role };
  await flow.stage('select-account', true);
  const action = { label: words.consent.switchAccount, href: `/sign-in?flow=${flow.id}` };
  throw new PageProblem('no_access', { about: identity.email ?? identity.name, detail: userId, action });
}
