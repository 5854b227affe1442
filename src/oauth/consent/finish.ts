import { accountOf } from '../../account';
import { record } from '../../audit';
import { submitAndAdopt } from '../../connections';
import { keepVisitor } from '../../sign-in';
import type { PageResult } from '../../ui';
import { issuingClient } from '../authorize/request';
import { deviceIssuing } from '../device/grant';
import { issuerConfigOf } from '../protocol/token-request';
import type { Choice } from './choice';
import { aboutConsent, type ConsentContext } from './context';
import { respondAllowed } from './response';

/**
 * Ends the flow with what the person allowed; the first call wins, and any later one is refused with a page. What was
 * connected in the flow moves to the account, the grant is made with its code, and the client gets its response.
 */
export async function finishAuthorization(consent: ConsentContext, choice: Choice): Promise<PageResult> {
  const { c, deployment, flow, person } = consent;
  const { client, request, device } = flow.data;
  const about = aboutConsent(consent);
  const adopted = await submitAndAdopt(c, flow, person.userId);
  if (!adopted.ok) return adopted;
  for (const server of adopted.value) record(c, { event: 'connection', outcome: 'ok', server, ...about });
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
  record(c, { event: 'consent', outcome: 'ok', detail: choice.scope.join(' '), ...about });
  return respondAllowed(consent, redirectTo);
}
