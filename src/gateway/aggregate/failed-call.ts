import type { CallToolResult } from '@modelcontextprotocol/server';
import { FAULTS, type ServerFailure } from '../../upstream';

/** What the model reads when a server gave no answer to a call. `title`: the server's. */
export function failedResult({ fault, retryAfter }: ServerFailure, title: string): CallToolResult {
  const wait = retryAfter === undefined ? '' : ` It may work in ${retryAfter} seconds.`;
  const text = `The server “${title}” ${FAULTS[fault].says}.${wait}`;
  return { isError: true, content: [{ type: 'text', text }] };
}
