import type { Context, MiddlewareHandler } from 'hono';
import { type Deployment, deploymentOf, type Problem, readDeployment } from '../../config';
import { missingRateLimits } from '../../limits';
import { writeLog } from '../../log';
import { PageProblem, renderProblem } from '../../ui';
import { RequestCredentials, serverProblems } from '../../upstream';
import { warningsFor } from './host';

declare module 'hono' {
  interface ContextVariableMap {
    problems: Problem[];
    /** What works and is better changed. */
    warnings: Problem[];
  }
}

/** Mistakes in these cost their own effect and nothing else. */
const COSMETIC = ['NAME', 'LOGO', 'POLICY_URL', 'TERMS_URL', 'SUPPORT_URL'];

/** The most characters of what is wrong with a setting, and of what to write instead. */
const SENTENCE = 400;

const told = new WeakSet<object>();

/** Reads the site of the request, and what keeps it from being served. */
export const readSettings: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  const { deployment, problems } = await readDeployment(c.req.raw, c.env, crypto.randomUUID());
  problems.push(...missingEntrypoints(deployment, c.executionCtx));
  c.set('deployment', deployment);
  c.set('credentials', new RequestCredentials(deployment));
  c.set('problems', problems);
  c.set('warnings', warningsFor(c));
  if (problems.length > 0 && !told.has(c.env)) {
    told.add(c.env);
    writeLog('error', { event: 'settings', outcome: 'refused', problems }, SENTENCE);
  }
  await next();
};

/**
 * Refuses the request when the settings are not usable: a half-configured gate serves nothing but a page and
 * `/health`, which say what is missing.
 */
export const guardSettings: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  const { problems } = c.var;
  const blocking = problems.filter(({ setting }) => !COSMETIC.includes(setting));
  if (blocking.length === 0 || c.req.path === '/health') return next();
  const about = blocking.map(({ setting, problem }) => `${setting}: ${problem}.`).join(' ');
  const wantsPage = (c.req.header('accept') ?? '').includes('text/html');
  if (wantsPage) return renderProblem(c, new PageProblem('settings_unusable', { about }));
  const error_description = 'The gate is not set up; see /health';
  return c.json({ error: 'temporarily_unavailable', error_description }, 503);
};

/** Servers inside this Worker that it doesn't export. */
function missingEntrypoints({ settings }: Deployment, context: object): Problem[] {
  const { exports } = context as { exports?: Record<string, unknown> };
  return settings.servers.flatMap(({ entrypoint }, index) => {
    if (entrypoint === undefined || !exports || exports[entrypoint] !== undefined) return [];
    const problem = `"${entrypoint}" is no entrypoint that this Worker exports`;
    const fix = `export class ${entrypoint} extends WorkerEntrypoint in src/servers/`;
    return [{ setting: `SERVERS[${index}].entrypoint`, problem, fix }];
  });
}

/**
 * `/health`: 200, or 503 with every problem of the settings. A server behind that doesn't answer is named too, and
 * costs the gate nothing else: that is 200, and so is a rate limit that isn't bound, or a warning. No secrets.
 */
export async function health(c: Context): Promise<Response> {
  const { problems, warnings } = c.var;
  const usable = problems.length === 0;
  const found = usable ? [...(await serverProblems(c)), ...rateLimitProblems(deploymentOf(c))] : [];
  const status = usable ? (found.length === 0 ? 'ok' : 'degraded') : 'misconfigured';
  const { requestId: request_id } = deploymentOf(c);
  return c.json({ status, problems: [...problems, ...found], warnings, request_id }, usable ? 200 : 503, {
    'Cache-Control': 'no-store',
  });
}

/** The limits that a public host goes without; on this computer nobody needs them. */
function rateLimitProblems({ env, local }: Deployment): Problem[] {
  const missing = local ? [] : missingRateLimits(env);
  if (missing.length === 0) return [];
  const problem = `nothing is limited by ${missing.join(', ')}: there is no such binding`;
  return [{ setting: 'ratelimits', problem, fix: 'the [[ratelimits]] of the repository’s wrangler.toml' }];
}
