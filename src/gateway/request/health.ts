import type { Context, MiddlewareHandler } from 'hono';
import { type Deployment, deploymentOf, type Problem, readDeployment } from '../../config';
import { missingRateLimits } from '../../limits';
import { writeLog } from '../../log';
import { showProblem } from '../../ui';
import { RequestCredentials, serverProblems } from '../../upstream';
import { warningsFor } from './host';

declare module 'hono' {
  interface ContextVariableMap {
    problems: Problem[];
    /** Settings that work and are better changed. */
    warnings: Problem[];
  }
}

/** Settings of which a wrong one costs its own effect and nothing else. */
const COSMETIC = ['NAME', 'LOGO', 'POLICY_URL', 'TERMS_URL', 'SUPPORT_URL'];

/** The most characters of what is wrong with a setting, and of what to write instead. */
const SENTENCE = 400;

/** The environments whose problems are in the log: once an isolate is enough. */
const logged = new WeakSet<object>();

/**
 * Middleware of all paths: puts into the context the `deployment` as this request meets it, its users' `credentials`
 * for servers (none are known yet), the `problems` of its settings, which {@link guardSettings} acts on, and `warnings`.
 */
export const readSettings: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  const { deployment, problems } = await readDeployment(c.req.raw, c.env, crypto.randomUUID());
  problems.push(...missingEntrypoints(deployment, c.executionCtx));
  c.set('deployment', deployment);
  c.set('credentials', new RequestCredentials(deployment));
  c.set('problems', problems);
  c.set('warnings', warningsFor(c));
  if (problems.length > 0 && !logged.has(c.env)) {
    logged.add(c.env);
    writeLog('error', { event: 'settings', outcome: 'refused', problems }, SENTENCE);
  }
  await next();
};

/**
 * Middleware of all paths but `/health`: 503 while a setting is unusable, with a page that says which for who asks for
 * one. Half a gate is worse than none.
 */
export const guardSettings: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  const blocking = c.var.problems.filter(({ setting }) => !COSMETIC.includes(setting));
  if (blocking.length === 0) return next();
  const about = blocking.map(({ setting, problem }) => `${setting}: ${problem}.`).join(' ');
  const wantsPage = (c.req.header('accept') ?? '').includes('text/html');
  if (wantsPage) return showProblem(c, { reason: 'settings_unusable', about });
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
 * `GET /health`: 200, or 503 with every problem of the settings. What costs the gate nothing else is named and stays
 * 200: a server that doesn't answer, a rate limit without a binding, a warning. No secrets.
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

/** The rate limits without a binding on a public host; in local development nobody needs them. */
function rateLimitProblems({ env, local }: Deployment): Problem[] {
  const missing = local ? [] : missingRateLimits(env);
  if (missing.length === 0) return [];
  const problem = `nothing is limited by ${missing.join(', ')}: there is no such binding`;
  return [{ setting: 'ratelimits', problem, fix: 'the [[ratelimits]] of the repository’s wrangler.toml' }];
}
