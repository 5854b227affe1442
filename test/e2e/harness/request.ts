import type { Page } from 'playwright-core';
import { authorizationParams, exchangeCode, makePkce, type PublicClient } from '../../../scripts/lib/oauth';
import { callTool } from './oauth';

/** An authorization request that a client has begun, and what it needs to finish it. */
export interface Begun {
  params: Record<string, string>;
  /** What `whoami` says with the code of a redirect to the client. */
  whoami(callback: URL): Promise<Record<string, unknown>>;
}

/** Makes a client's authorization request; nothing is sent yet. */
export function makeRequest(
  gate: { origin: string },
  client: PublicClient,
  more: Record<string, string> = {},
): Begun {
  const { code_verifier, code_challenge } = makePkce();
  return {
    params: authorizationParams(client, code_challenge, more),
    whoami: async (callback) => {
      const { access_token } = await exchangeCode(gate.origin, client, callback, code_verifier);
      const answer = await callTool(`${gate.origin}/mcp`, access_token, 'whoami');
      return answer.structuredContent as Record<string, unknown>;
    },
  };
}

/** Opens a client's authorization request in a browser, as the client would. */
export async function ask(
  page: Page,
  gate: { origin: string },
  client: PublicClient,
  more: Record<string, string> = {},
): Promise<Begun> {
  const begun = makeRequest(gate, client, more);
  await page.goto(`${gate.origin}/authorize?${new URLSearchParams(begun.params)}`);
  return begun;
}
