import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { JSX } from 'hono/jsx/jsx-runtime';
import { record } from '../audit';
import { type Deployment, deploymentOf } from '../config';
import type { Result } from '../result';
import type { Branding } from './layout';
import { ProblemPage } from './message';
import { type RenderOptions, renderPage } from './render';
import { words } from './words/words';

/** Which error page it is: chooses its words and status, and is what the log says. */
export type ProblemTag = keyof typeof words.problems;

/** The status of each error page; 400 for those that aren't here. */
const STATUS: Partial<Record<ProblemTag, number>> = {
  flow_expired: 410,
  flow_other_browser: 403,
  flow_submitted: 409,
  form_forged: 403,
  provider_unreachable: 502,
  provider_failed: 502,
  sso_required: 403,
  account_disabled: 403,
  no_access: 403,
  connect_other_person: 403,
  connect_link_expired: 410,
  connect_unavailable: 502,
  keys_not_here: 403,
  not_admin: 403,
  not_found: 404,
  host_not_ours: 421,
  settings_unusable: 503,
  too_many_requests: 429,
  visitors_full: 429,
  internal_error: 500,
};

/** Seconds after which it may work (`Retry-After`). */
const RETRY_AFTER: Partial<Record<ProblemTag, number>> = { too_many_requests: 60, visitors_full: 3600 };

type Words = { title: string; what: string; next: string };

/**
 * Why a person gets an error page: `reason` chooses the words and the status, and is what the log says; `detail` is
 * for the log alone, `about` is named on the page, `action` is where its button leads.
 */
export interface PageRefusal {
  reason: ProblemTag;
  detail?: string | undefined;
  about?: string | undefined;
  action?: { label: string; href: string } | undefined;
}

/** What a step of a page's request returns. {@link answerPage} ends the request with it. */
export type PageResult<T = Response> = Result<T, PageRefusal>;

/** A refusal that becomes a page by {@link toPage}. */
export function refusePage(
  reason: ProblemTag,
  more: Omit<PageRefusal, 'reason'> = {},
): { ok: false; error: PageRefusal } {
  return { ok: false, error: { reason, ...more } };
}

/** Ends a page's request with a refusal: records it (event `page`), and answers with its page. */
export function toPage(c: Context, refusal: PageRefusal): Promise<Response> {
  const { reason, detail } = refusal;
  record(c, { event: 'page', outcome: 'refused', reason, detail });
  return showProblem(c, refusal);
}

/** Ends a page's request whose steps may be refused: with their own answer, or by {@link toPage}. */
export async function answerPage(c: Context, result: PageResult): Promise<Response> {
  return result.ok ? result.value : toPage(c, result.error);
}

/**
 * The page of a refusal, with the status of its reason. Records nothing: for callers that have recorded it as an event
 * of their own, and for what isn't worth a line in the log.
 */
export function showProblem(c: Context, { reason, about = '', action }: PageRefusal): Promise<Response> {
  const deployment = deploymentOf(c);
  const entry: Words | ((about: string) => Words) = words.problems[reason];
  const { title, what, next } = typeof entry === 'function' ? entry(about) : entry;
  const page = (
    <ProblemPage
      branding={brandingOf(deployment)}
      title={title}
      what={what}
      next={next}
      requestId={deployment.requestId}
      action={action}
    />
  );
  const after = RETRY_AFTER[reason];
  const headers = after === undefined ? {} : { 'Retry-After': String(after) };
  return showPage(c, page, { status: STATUS[reason] ?? 400, headers });
}

/**
 * The error handler of routers that answer with pages: `form_forged` for what `ownFormsOnly` threw, else 500 with
 * nothing of the cause, which goes to the log.
 */
export function failAsPage(error: Error, c: Context): Promise<Response> {
  if (error instanceof HTTPException && error.status === 403) return toPage(c, { reason: 'form_forged' });
  const detail = `${error.name}: ${error.message}`;
  record(c, { event: 'page', outcome: 'failed', reason: 'internal_error' satisfies ProblemTag, detail });
  return showProblem(c, { reason: 'internal_error' });
}

/** What every page shows of the deployment. A `LOGO` elsewhere is served by our own `/logo`. */
export function brandingOf({ settings, origin }: Deployment): Branding {
  const { name, logo, policyUrl, termsUrl, supportUrl } = settings;
  const own = logo?.startsWith('https:') || logo?.startsWith('http:') ? `${origin}/logo` : logo;
  return { name, logo: own, policyUrl, termsUrl, supportUrl };
}

/** A page as this request's answer, with the cookies that were set on the way. */
export async function showPage(c: Context, page: JSX.Element, options?: RenderOptions): Promise<Response> {
  const response = await renderPage(page, options);
  return c.newResponse(response.body, response);
}
