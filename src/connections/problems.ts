import type { Refusal } from '../result';
import { PageProblem, type ProblemTag, words } from '../ui';
import type { BeginRefusal, FinishRefusal } from './oauth';
import type { ConnectedServer } from './place';

/** Which page a refusal becomes; its own tag goes to the log. */
const PAGES: Record<BeginRefusal | FinishRefusal, ProblemTag> = {
  provider_unavailable: 'connect_unavailable',
  provider_unknown: 'connect_unsupported',
  provider_metadata_invalid: 'connect_unsupported',
  resource_mismatch: 'connect_unsupported',
  pkce_unsupported: 'connect_unsupported',
  registration_unsupported: 'connect_unsupported',
  registration_refused: 'connect_unsupported',
  provider_denied: 'connect_denied',
  state_mismatch: 'connect_answer_invalid',
  issuer_mismatch: 'connect_answer_invalid',
  callback_malformed: 'connect_answer_invalid',
  provider_refused: 'connect_answer_invalid',
  client_rejected: 'connect_answer_invalid',
};

/** The page for a connection that came to nothing, with a way to try again. */
export function connectProblem(
  server: ConnectedServer,
  { reason, detail }: Refusal<BeginRefusal | FinishRefusal>,
  retry: string,
): PageProblem {
  return new PageProblem(PAGES[reason], {
    about: server.title ?? server.name,
    detail: [reason, detail].filter(Boolean).join(' '),
    action: { label: words.connection.again, href: retry },
  });
}
