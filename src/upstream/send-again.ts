/*
 * A request is sent once, unless the server can't have begun to do what it asks. One table decides that for every
 * sender (test/upstream/send-again.test.ts has it row by row).
 */

/** How a request went that got no result. */
export type Attempt =
  /** It never left: there was no connection. */
  | { outcome: 'not_sent' }
  /** It may have left: too slow, the connection broke, an answer that can't be read or that ends halfway. */
  | { outcome: 'no_answer' }
  | {
      outcome: 'status';
      /** The HTTP status. */
      status: number;
      /** Whether the body is a JSON-RPC message with the request's own id: then the server has dealt with it. */
      answersIt: boolean;
      /** Whether the request named a session of the server's. */
      inSession: boolean;
    };

/**
 * Whether a request may be sent again, with another credential (401) or in a new session (404, and 400 from servers
 * that say so). A busy server's 429 may come from halfway, and is for the client to repeat.
 */
export function maySendAgain(attempt: Attempt): boolean {
  if (attempt.outcome !== 'status') return attempt.outcome === 'not_sent';
  const { status, answersIt, inSession } = attempt;
  if (answersIt) return false;
  return status === 401 || ((status === 404 || status === 400) && inSession);
}
