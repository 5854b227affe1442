import {
  authorizationParams,
  exchangeCode,
  makePkce,
  type PublicClient,
  registerClient,
  type Tokens,
} from '../../../scripts/lib/oauth';
import type { Choices } from '../../../scripts/lib/walk';
import { Walker } from '../../../scripts/lib/walk';

export { callTool } from '../../../scripts/lib/mcp';
export * from '../../../scripts/lib/oauth';

/** Where a test's client is sent back to, when nobody needs to listen there. */
export const REDIRECT_URI = 'http://127.0.0.1:33418/callback';

/** A client that holds tokens, and the browser in which they were granted. */
export interface Granted {
  client: PublicClient;
  tokens: Tokens;
  walker: Walker;
}

/**
 * All of it: registers a client, signs in as `name`, allows, redeems the code. `params` go into the
 * authorization request, `choices` onto the consent page, `walker` is a browser to do it in.
 */
export async function grant(
  gate: { origin: string },
  name: string,
  options: {
    params?: Record<string, string>;
    choices?: Choices;
    walker?: Walker;
    client?: PublicClient;
  } = {},
): Promise<Granted> {
  const client = options.client ?? (await registerClient(gate.origin, REDIRECT_URI));
  const walker = options.walker ?? new Walker(gate.origin);
  const { code_verifier, code_challenge } = makePkce();
  const params = authorizationParams(client, code_challenge, options.params);
  const callback = await walker.allow(params, name, options.choices);
  const tokens = await exchangeCode(gate.origin, client, callback, code_verifier);
  return { client, tokens, walker };
}
