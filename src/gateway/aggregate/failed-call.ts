import type { CallToolResult } from '@modelcontextprotocol/server';
import { titleOf } from '../../config';
import { accessOf, faultText, type ServerFailure } from '../../upstream';
import type { MergedTool } from './tools';

/**
 * What the model reads when a server gave no answer to a call: what happened, when to try again if the server said so,
 * and that a call that changes something may have taken effect.
 */
export function failedResult(
  { fault, retryAfter }: ServerFailure,
  { server, tool }: Pick<MergedTool, 'server' | 'tool'>,
): CallToolResult {
  const mayHaveActed = accessOf(tool, server) !== 'read';
  const text = faultText(fault, titleOf(server), { retryAfter, mayHaveActed });
  return { isError: true, content: [{ type: 'text', text }] };
}
