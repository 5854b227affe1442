import type { Flow } from '../../flow';
import type { Refusal } from '../../result';
import type { BeginRefusal, FinishRefusal } from './oauth';

/*
 * The reason why a connection failed, on its way back to the page where the person pressed the button, which shows it
 * once and still has the button.
 */

export interface FailedConnection {
  server: string;
  reason: BeginRefusal | FinishRefusal;
}

const NAME = 'connect-outcome';

/** Keeps the reason in the flow that the page will name. */
export async function stageOutcome(
  flow: Flow,
  server: string,
  { reason }: Refusal<FailedConnection['reason']>,
): Promise<void> {
  const outcome: FailedConnection = { server, reason };
  await flow.stage(NAME, outcome);
}

/** The reason that waits in the flow, once; undefined when nothing failed. */
export function takeOutcome(flow: Flow): Promise<FailedConnection | undefined> {
  return flow.take<FailedConnection>(NAME);
}
