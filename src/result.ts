/**
 * The outcome of something that can be refused: a value, or a refusal with a tag. It crosses the boundary of a Durable
 * Object unchanged, unlike a thrown error, which loses its fields.
 */
export type Result<T, E = Refusal> = { ok: true; value: T } | { ok: false; error: E };

/**
 * A refusal. `reason` is a stable tag for the log and the audit trail; `detail` tells the operator more. Neither ever
 * holds a secret, and neither is shown to a client as it is.
 */
export interface Refusal<R extends string = string> {
  reason: R;
  detail?: string;
}

export function ok<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

export function refuse<R extends string>(reason: R, detail?: string): { ok: false; error: Refusal<R> } {
  return { ok: false, error: detail === undefined ? { reason } : { reason, detail } };
}
