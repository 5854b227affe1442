import type { Deployment } from '../../config';
import { resourceNamed } from './metadata';

/** `resource` (RFC 8707) or `audience` (RFC 8693), which must agree; `/mcp` without them. */
export function readTarget(deployment: Deployment, form: Record<string, string>): string | undefined {
  const named = [form.resource, form.audience].filter((name) => name !== undefined);
  const targets = new Set(named.map((name) => resourceNamed(deployment, name)));
  if (targets.size === 0) return `${deployment.origin}/mcp`;
  return targets.size === 1 ? [...targets][0] : undefined;
}
