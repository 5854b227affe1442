import type { Site } from '../../config';
import { resourceNamed } from './metadata';

/** `resource` (RFC 8707) or `audience` (RFC 8693), which must agree; `/mcp` without them. */
export function readTarget(site: Site, form: Record<string, string>): string | undefined {
  const named = [form.resource, form.audience].filter((name) => name !== undefined);
  const targets = new Set(named.map((name) => resourceNamed(site, name)));
  if (targets.size === 0) return `${site.origin}/mcp`;
  return targets.size === 1 ? [...targets][0] : undefined;
}
