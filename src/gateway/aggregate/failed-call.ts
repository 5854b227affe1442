import type { CallToolResult } from '@modelcontextprotocol/server';
import { FAULTS, type ServerFailure } from '../../upstream';

/** The tool result (`isError`) for a server that gave no answer: a text for the model. `title`: the server's title. */
export function failedResult({ fault, retryAfter }: ServerFailure, title: string): CallToolResult {
  const wait = retryAfter === undefined ? '' : ` It may work in ${retryAfter} seconds.`;
  const text = `The server “${title}” ${FAULTS[fault].says}.${wait}`;
  return { isError: true, content: [{ type: 'text', text }] };
}
