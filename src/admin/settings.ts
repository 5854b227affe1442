import { deploymentOf, describeSettings } from '../config';
import type { AdminContext } from './shared/admit';

/** `GET /api/admin/settings`: the settings as they are in effect, with defaults. Secrets are none of them. */
export async function showSettings(c: AdminContext): Promise<Response> {
  return c.json(describeSettings(deploymentOf(c).settings));
}
