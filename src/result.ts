/**
 * What a step that can be refused returns: a value, or a refusal with a tag. Values cross Durable
 * Object boundaries unchanged, which thrown errors don't (they lose their fields on the way).
 */
export type Result<T, E = Refusal> = { ok: true; value: T } | { ok: false; error: E };

/**
 * A refusal. `reason` is a stable tag for the log and the trail; `detail` says more to the operator.
 * Neither ever holds a secret, and neither is shown to a client as it is.
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
