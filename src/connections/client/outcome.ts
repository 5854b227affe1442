import type { Flow } from '../../flow';
import type { Refusal } from '../../result';
import type { BeginRefusal, FinishRefusal } from './oauth';

/*
 * A connection that came to nothing, on its way back to the page where the person pressed the button: that page
 * says why, once, and has the button still.
 */

export interface Outcome {
  server: string;
  reason: BeginRefusal | FinishRefusal;
}

const NAME = 'connect-outcome';

export async function stageOutcome(
  flow: Flow,
  server: string,
  { reason }: Refusal<Outcome['reason']>,
): Promise<void> {
  const outcome: Outcome = { server, reason };
  await flow.stage(NAME, outcome);
}

export function takeOutcome(flow: Flow): Promise<Outcome | undefined> {
  return flow.take<Outcome>(NAME);
}
