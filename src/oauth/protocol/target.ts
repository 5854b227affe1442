import type { Deployment } from '../../config';
import { mergedResource, type Resource, resourceNamed } from '../../resource';
import { ok, type Refusal, type Result, refuse } from '../../result';

/**
 * The one resource that a request asks a token for (RFC 8707 section 2), `/mcp` where it names none. Refused when a
 * name is no resource of this deployment, or when they name two.
 */
export function requestedResource(
  deployment: Deployment,
  names: readonly string[],
): Result<Resource, Refusal<'target_unknown'>> {
  const [first = ok(mergedResource(deployment)), ...others] = names.map((name) =>
    resourceNamed(deployment, name),
  );
  if (!first.ok) return first;
  const agree = others.every((other) => other.ok && other.value.url === first.value.url);
  return agree ? first : refuse('target_unknown');
}

/**
 * {@link requestedResource} of a request to the token or the device authorization endpoint: `resource`, or `audience`
 * (RFC 8693 section 2.1), which must agree. `form`: the request's parameters.
 */
export function readTarget(
  deployment: Deployment,
  form: Record<string, string>,
): Result<Resource, Refusal<'target_unknown'>> {
  return requestedResource(
    deployment,
    [form.resource, form.audience].filter((name) => name !== undefined),
  );
}
