import { includedScopes, type Scope } from '../../account';
import { readExpiry } from '../../expiry';
import type { FlowRefusal } from '../../flow';
import { ok, type Refusal, type Result, refuse } from '../../result';
import type { ConsentContext } from './context';
import { consentLimits } from './limits';

/** What a person allows on the consent page. `expires_at`: seconds since the epoch. */
export interface Choice {
  scope: Scope[];
  servers: string[];
  expires_at: number;
}

/** What is wrong with a form that allows; the page is shown again with a line for each. */
export type ChoiceRefusal = 'decision_missing' | 'scope_missing' | 'server_missing' | 'expires_invalid';

/** What the consent page's form allows, held to {@link consentLimits}. */
export function readChoice(
  consent: ConsentContext,
  form: URLSearchParams,
): Result<Choice, Refusal<ChoiceRefusal>> {
  if (form.get('decision') !== 'allow') return refuse('decision_missing');
  const limits = consentLimits(consent);
  const tickedScopes = includedScopes(form.getAll('scope'));
  const scope = limits.scopes.filter((name) => tickedScopes.includes(name));
  if (scope.length === 0) return refuse('scope_missing');
  const expires_at = readExpiry(form.get('expires'), limits.longest);
  if (expires_at === undefined) return refuse('expires_invalid');
  const tickedServers = form.getAll('server');
  const servers = limits.servers.map(({ name }) => name).filter((name) => tickedServers.includes(name));
  // A grant for one server's own resource is worth nothing without that server.
  if (servers.length === 0 && consent.resource.kind === 'server') return refuse('server_missing');
  return ok({ scope, servers, expires_at });
}

/** A choice that waits, sealed in its flow, while accounts are connected: no later form can change it. */
interface Staged extends Choice {
  /** By which sign-in it was made: another one of the same person may be allowed less. */
  sign_in: string;
  user: string;
  /** What the form said, for a person who goes back to it. */
  typed: string;
}

const NAME = 'choice';
const TYPED = ['scope', 'server', 'expires'];

/** Keeps what was allowed, in place of what was allowed before in the same flow. `form`: as it was sent. */
export function stageChoice(
  { flow, person }: ConsentContext,
  choice: Choice,
  form: URLSearchParams,
): Promise<Result<null, Refusal<FlowRefusal>>> {
  const typed = new URLSearchParams([...form].filter(([name]) => TYPED.includes(name))).toString();
  const staged: Staged = { ...choice, user: person.userId, sign_in: person.signInId, typed };
  return flow.stage(NAME, staged);
}

/** What this person allowed in this flow, with the form as they sent it; undefined: nothing yet. */
export async function stagedChoice({
  flow,
  person,
}: ConsentContext): Promise<
  Result<{ choice: Choice; form: URLSearchParams } | undefined, Refusal<FlowRefusal>>
> {
  const found = await flow.peek<Staged>(NAME);
  if (!found.ok) return found;
  const staged = found.value;
  if (staged?.user !== person.userId || staged.sign_in !== person.signInId) return ok(undefined);
  const { scope, servers, expires_at, typed } = staged;
  return ok({ choice: { scope, servers, expires_at }, form: new URLSearchParams(typed) });
}
