import type { Context } from 'hono';
import { actor } from '../../audit';
import { type Deployment, deploymentOf } from '../../config';
import type { Flow } from '../../flow';
import { parseResource, type Resource } from '../../resource';
import { ok, type Refusal, type Result } from '../../result';
import { type PageRefusal, refusePage } from '../../ui';
import { requireSignedInPerson } from '../authorize/person';
import type { AuthorizationFlow, Person } from '../authorize/request';

/** A request of a browser whose person is asked for consent: what the steps from consent to the client's answer share. */
export interface ConsentContext {
  c: Context;
  deployment: Deployment;
  /** The authorization request, and what was kept since. */
  flow: Flow<AuthorizationFlow>;
  /** Who is asked. */
  person: Person;
  /** What the client asks a token for. */
  resource: Resource;
}

/**
 * The context of a request in this flow. Refused as {@link requireSignedInPerson} refuses, and with a page when the
 * flow began at another origin (`PUBLIC_URL` was changed since).
 */
export async function openConsent(
  c: Context,
  flow: Flow<AuthorizationFlow>,
): Promise<Result<ConsentContext, Refusal<'signed_out'> | PageRefusal>> {
  const deployment = deploymentOf(c);
  const resource = parseResource(deployment, flow.data.request.resource);
  if (!resource) return refusePage('flow_unknown', { detail: 'it began at another origin' });
  const person = await requireSignedInPerson(c, flow, resource);
  return person.ok ? ok({ c, deployment, flow, person: person.value, resource }) : person;
}

/** Who a step is about, for the log. */
export function aboutConsent({ person, flow }: ConsentContext) {
  const { client_id: client, name: client_name } = flow.data.client;
  return { ...actor(person.userId, person.identity), client, client_name };
}
