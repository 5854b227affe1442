/** What is wrong with a server behind, as its clients hear of it: by its title, never by its address. */
export type ServerFault =
  | 'server_unreachable'
  | 'server_too_slow'
  | 'server_redirects'
  | 'server_not_mcp'
  | 'server_refuses_gate'
  | 'server_list_too_large'
  | 'server_busy'
  | 'server_failed'
  | 'server_broke_off';

/** How each is told, and by which status. */
export const FAULTS: Record<ServerFault, { status: number; says: string }> = {
  server_unreachable: { status: 502, says: 'can’t be reached' },
  server_too_slow: { status: 504, says: 'took too long to answer' },
  server_redirects: { status: 502, says: 'answered with a redirect, which is never followed' },
  server_not_mcp: { status: 502, says: 'gave an answer that is not MCP' },
  server_refuses_gate: { status: 502, says: 'refused the gate’s credential' },
  server_busy: { status: 503, says: 'is busy; try again later' },
  server_failed: { status: 502, says: 'failed' },
  server_broke_off: { status: 502, says: 'broke its answer off' },
  server_list_too_large: { status: 502, says: 'sent a list that is too large' },
};

/** The same as the error of a JSON-RPC message. */
export function faultError(fault: ServerFault, title: string): { code: number; message: string } {
  return { code: SERVER_FAULT, message: `The server “${title}” ${FAULTS[fault].says}` };
}

export const SERVER_FAULT = -32603;
