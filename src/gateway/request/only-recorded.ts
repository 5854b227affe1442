import type { MiddlewareHandler } from 'hono';
import { allRecorded } from '../../audit';
import { toJsonRpcError } from './refusal';

/**
 * Middleware of the MCP endpoints: with `AUDIT.mode` = `strict`, an answer goes out only when all that the request
 * recorded is in the trail.
 */
export const onlyRecorded: MiddlewareHandler = async (c, next) => {
  await next();
  if (await allRecorded(c)) return;
  await c.res.body?.cancel();
  c.res = toJsonRpcError({ reason: 'not_recorded' });
};
