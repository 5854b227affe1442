/** What is wrong with a server behind, as its clients hear of it: by its title, never by its address. */
export type ServerFault =
  /** There was no connection, or it broke before the answer began. */
  | 'server_unreachable'
  | 'server_too_slow'
  | 'server_redirects'
  /** Its answer can't be read as MCP. */
  | 'server_not_mcp'
  | 'server_refuses_gate'
  | 'server_list_too_large'
  /** 429, or 503 that says when to come back. */
  | 'server_busy'
  /** Any other 5xx without words of its own. */
  | 'server_failed'
  /** The connection broke within the answer. */
  | 'server_broke_off';

/** The words for each fault, and the HTTP status of a JSON-RPC error with them. `maybe`: the server may have acted. */
export const FAULTS: Record<ServerFault, { status: number; says: string; maybe?: true }> = {
  server_unreachable: { status: 502, says: 'can’t be reached', maybe: true },
  server_too_slow: { status: 504, says: 'took too long to answer', maybe: true },
  server_redirects: { status: 502, says: 'answered with a redirect, which is never followed' },
  server_not_mcp: { status: 502, says: 'gave an answer that is not MCP', maybe: true },
  server_refuses_gate: { status: 502, says: 'refused the gate’s credential' },
  server_list_too_large: { status: 502, says: 'sent a list that is too large' },
  server_busy: { status: 503, says: 'is busy' },
  server_failed: { status: 502, says: 'failed', maybe: true },
  server_broke_off: { status: 502, says: 'broke its answer off', maybe: true },
};

/** What more is known of a fault. */
export interface FaultDetails {
  /** Seconds after which the server says that it may work. */
  retryAfter?: number | undefined;
  /** Whether the request was sent and asks for something that can be done only once: a call that isn't read-only. */
  mayHaveActed?: boolean | undefined;
}

/**
 * What a person, or a model, reads of a fault: what happened, when to try again if the server said so, and that a call
 * may have taken effect where nobody can tell. `title`: the server's.
 */
export function faultText(
  fault: ServerFault,
  title: string,
  { retryAfter, mayHaveActed = false }: FaultDetails = {},
): string {
  const { says, maybe = false } = FAULTS[fault];
  const waits = fault === 'server_busy' || retryAfter !== undefined;
  return [
    `The server “${title}” ${says}`,
    ...(waits ? [`Try again ${retryAfter === undefined ? 'later' : `in ${inSeconds(retryAfter)}`}`] : []),
    ...(maybe && mayHaveActed ? [MAY_HAVE_ACTED] : []),
  ].join('. ');
}

/** What the caller has to know before the same is sent again. */
export const MAY_HAVE_ACTED = 'The call may have taken effect: check that before you repeat it';

function inSeconds(seconds: number): string {
  return seconds === 1 ? '1 second' : `${seconds} seconds`;
}

/** {@link faultText} as the error of a JSON-RPC message. */
export function faultError(
  fault: ServerFault,
  title: string,
  details?: FaultDetails,
): { code: number; message: string } {
  return { code: SERVER_FAULT, message: faultText(fault, title, details) };
}

export const SERVER_FAULT = -32603;

/**
 * The fault of an HTTP answer that isn't 2xx and has no JSON-RPC error in it. `retryAfter`: as its `Retry-After` says,
 * which is seconds or a date (RFC 9110 section 10.2.3).
 */
export function faultOfStatus(
  status: number,
  headers: Headers,
): { fault: ServerFault; retryAfter: number | undefined } {
  const retryAfter = secondsIn(headers.get('retry-after'));
  return { fault: statusFault(status, retryAfter !== undefined), retryAfter };
}

function statusFault(status: number, saysWhen: boolean): ServerFault {
  if (status === 401 || status === 403) return 'server_refuses_gate';
  if (status === 429 || (status === 503 && saysWhen)) return 'server_busy';
  return status >= 500 ? 'server_failed' : 'server_not_mcp';
}

function secondsIn(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}
