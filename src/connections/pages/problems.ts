import { titleOf } from '../../config';
import type { Refusal } from '../../result';
import { type PageRefusal, words } from '../../ui';
import type { ConnectedServer } from '../../upstream';
import type { ApiKeyRefusal } from '../client/api-key';
import type { BeginRefusal, FinishRefusal } from '../client/oauth';

/** Which page a refusal becomes; its own tag goes to the log. */
const PAGES = {
  provider_unavailable: 'connect_unavailable',
  provider_unknown: 'connect_unsupported',
  provider_metadata_invalid: 'connect_unsupported',
  resource_mismatch: 'connect_unsupported',
  pkce_unsupported: 'connect_unsupported',
  registration_unsupported: 'connect_unsupported',
  registration_refused: 'connect_unsupported',
  registration_answer_invalid: 'connect_unsupported',
  issuer_changed: 'connect_unsupported',
  provider_denied: 'connect_denied',
  request_refused: 'connect_refused',
  scope_refused: 'connect_refused',
  callback_mismatch: 'connect_answer_invalid',
  client_changed: 'connect_answer_invalid',
  issuer_mismatch: 'connect_answer_invalid',
  callback_malformed: 'connect_answer_invalid',
  provider_refused: 'connect_refused',
  token_answer_invalid: 'connect_answer_invalid',
  client_rejected: 'connect_refused',
} as const satisfies Record<BeginRefusal | FinishRefusal, keyof typeof words.problems>;

const KEY_NOTICES: Record<ApiKeyRefusal, string> = {
  key_malformed: words.connection.keyMalformed,
  key_refused: words.connection.keyRefused,
  server_unreachable: words.connection.serverUnreachable,
};

/** The page for a connection that failed. `retry`: where its button leads, to try again. */
export function connectProblem(
  server: ConnectedServer,
  { reason, detail }: Refusal<BeginRefusal | FinishRefusal>,
  retry: string,
): PageRefusal {
  return {
    reason: PAGES[reason],
    about: titleOf(server),
    detail: [reason, detail].filter(Boolean).join(' '),
    action: { label: words.connection.again, href: retry },
  };
}

/** The same as one line, for a page that still has the server's button. `title`: the server's. */
export function connectNotice(title: string, reason: BeginRefusal | FinishRefusal | ApiKeyRefusal): string {
  if (reason in KEY_NOTICES) return `${title}: ${KEY_NOTICES[reason as ApiKeyRefusal]}`;
  const page = words.problems[PAGES[reason as BeginRefusal | FinishRefusal]](title);
  return `${page.title}. ${page.what} ${page.next}`;
}
