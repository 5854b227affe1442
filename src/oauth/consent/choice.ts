import type { Context } from 'hono';
import type { Scope } from '../../account';
import { accountOf } from '../../account';
import { record } from '../../audit';
import { deploymentOf } from '../../config';
import { submitAndAdopt } from '../../connections';
import type { Flow } from '../../flow';
import { keepVisitor } from '../../sign-in';
import { PageProblem } from '../../ui';
import { type AuthorizationFlow, issuingClient, type Person } from '../authorize/request';
import { deviceIssuing } from '../device/grant';
import { issuerConfigOf } from '../protocol/token-request';

/** What a person allows on the consent page. `expires_at`: seconds since the epoch. */
export interface Choice {
  scope: Scope[];
  servers: string[];
  expires_at: number;
}

/** What the person's answer leads to: `allowed` gets the redirect to the client, with its code. */
export interface Ending {
  denied(): Response | Promise<Response>;
  allowed(redirectTo: string): Response | Promise<Response>;
}

/** A choice that waits, sealed in its flow, while services are connected: no later form can change it. */
interface Staged extends Choice {
  /** By which sign-in it was made: another one of the same person may be allowed less. */
  sign_in: string;
  user: string;
  /** What the form said, for who goes back to it. */
  typed: string;
}

const NAME = 'choice';
const TYPED = ['scope', 'server', 'expires'];

/** Keeps what was allowed; what was allowed before in the same flow is gone. */
export async function stageChoice(
  flow: Flow,
  { userId, signInId }: Person,
  choice: Choice,
  form: URLSearchParams,
): Promise<void> {
  const typed = new URLSearchParams([...form].filter(([name]) => TYPED.includes(name))).toString();
  const staged: Staged = { ...choice, user: userId, sign_in: signInId, typed };
  const kept = await flow.stage(NAME, staged);
  if (!kept.ok) throw new PageProblem(kept.error.reason);
}

/** What this person allowed in this flow, with the form as they sent it; undefined when they didn't yet. */
export async function stagedChoice(
  flow: Flow,
  { userId, signInId }: Person,
): Promise<{ choice: Choice; form: URLSearchParams } | undefined> {
  const found = await flow.peek<Staged>(NAME);
  if (!found.ok) throw new PageProblem(found.error.reason);
  const staged = found.value;
  if (staged?.user !== userId || staged.sign_in !== signInId) return undefined;
  const { scope, servers, expires_at, typed } = staged;
  return { choice: { scope, servers, expires_at }, form: new URLSearchParams(typed) };
}

/**
 * Ends the flow, the first call wins: what was connected in it moves to the account, the grant is made, and what
 * comes then is the ending's, with the client's redirect and its code (RFC 6749 section 4.1.2).
 */
export async function finishAuthorization(
  c: Context,
  flow: Flow<AuthorizationFlow>,
  person: Person,
  choice: Choice,
  ending: Ending,
): Promise<Response> {
  const deployment = deploymentOf(c);
  const { client, request, device } = flow.data;
  const who = { user: person.userId, client: client.client_id };
  const adopted = await submitAndAdopt(c, flow, person.userId);
  if (!adopted.ok) throw new PageProblem(adopted.error.reason);
  for (const server of adopted.value) record(c, { event: 'connection', outcome: 'ok', server, ...who });
  const redirectTo = await accountOf(deployment.env, person.userId).approve(issuerConfigOf(deployment), {
    request,
    client: {
      ...(device ? deviceIssuing(client) : issuingClient(client)),
      name: client.name,
      domain: client.domain,
    },
    ...choice,
    key_id: person.key?.id,
  });
  const lasting = adopted.value.length > 0 ? undefined : choice.expires_at;
  await keepVisitor(deployment, person, lasting);
  record(c, { event: 'consent', outcome: 'ok', detail: choice.scope.join(' '), ...who });
  return ending.allowed(redirectTo);
}
