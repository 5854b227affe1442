import type { Deployment } from '../../config';
import { findResource, mergedResource, type Resource } from '../../resource';
import { ok, type Refusal, type Result, refuse } from '../../result';

/**
 * The resource that a request to an endpoint of ours asks a token for: `resource` (RFC 8707 section 2) or `audience`
 * (RFC 8693 section 2.1), `/mcp` without them. Refused when one names no resource of this deployment, or when they
 * name two. `form`: the request's parameters.
 */
export function readTarget(
  deployment: Deployment,
  form: Record<string, string>,
): Result<Resource, Refusal<'target_unknown'>> {
  const names = [form.resource, form.audience].filter((name) => name !== undefined);
  const [first = ok(mergedResource(deployment)), ...others] = names.map((name) =>
    findResource(deployment, name),
  );
  if (!first.ok) return first;
  const agree = others.every((other) => other.ok && other.value.url === first.value.url);
  return agree ? first : refuse('target_unknown');
}
