import type { CallToolResult } from '@modelcontextprotocol/server';
import { titleOf } from '../../config';
import { accessOf, faultText, type ServerFailure } from '../../upstream';
import type { MergedTool } from './tools';

/**
 * The tool result (`isError`) for a server that gave no answer: a text for the model. It says what happened, when to try
 * again if the server said so, and that a call that changes something may have taken effect.
 */
export function failedResult(
  { fault, retryAfter }: ServerFailure,
  { server, tool }: Pick<MergedTool, 'server' | 'tool'>,
): CallToolResult {
  const mayHaveActed = accessOf(tool, server) !== 'read';
  const text = faultText(fault, titleOf(server), { retryAfter, mayHaveActed });
  return { isError: true, content: [{ type: 'text', text }] };
}
