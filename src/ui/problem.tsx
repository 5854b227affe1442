import type { Context } from 'hono';
import type { JSX } from 'hono/jsx/jsx-runtime';
import { record } from '../audit';
import { type Deployment, deploymentOf } from '../config';
import type { Refusal } from '../result';
import type { Branding } from './layout';
import { ProblemPage } from './message';
import { type RenderOptions, renderPage } from './render';
import { words } from './words';

/** Which error it is: chooses the words and the status, and is what the log says. */
export type ProblemTag = keyof typeof words.problems;

/** 400 but for these. */
const STATUS: Partial<Record<ProblemTag, number>> = {
  flow_expired: 410,
  flow_other_browser: 403,
  flow_submitted: 409,
  form_forged: 403,
  provider_unreachable: 502,
  sso_required: 403,
  no_access: 403,
  connect_other_person: 403,
  connect_link_expired: 410,
  connect_unavailable: 502,
  keys_not_here: 403,
  not_found: 404,
  host_not_ours: 421,
  settings_unusable: 503,
  too_many_requests: 429,
  visitors_full: 429,
  internal_error: 500,
};

/** Seconds after which it may go better. */
const RETRY_AFTER: Partial<Record<ProblemTag, number>> = { too_many_requests: 60, visitors_full: 3600 };

type Words = { title: string; what: string; next: string };

/**
 * Why a person gets an error page: `reason` chooses the words and the status, and is what the log says; `detail` is
 * for the log alone, `about` is named on the page, `action` is where its button leads.
 */
export interface PageRefusal extends Refusal<ProblemTag> {
  about?: string | undefined;
  action?: { label: string; href: string } | undefined;
}

/** A refusal that becomes a page by {@link toPage}. */
export function refusePage(
  reason: ProblemTag,
  more: Omit<PageRefusal, 'reason'> = {},
): { ok: false; error: PageRefusal } {
  return { ok: false, error: { reason, ...more } };
}

/** The page of a refusal, which is recorded: the one place that turns a {@link PageRefusal} into an answer. */
export function toPage(c: Context, { reason, detail, about, action }: PageRefusal): Promise<Response> {
  record(c, { event: 'page', outcome: 'refused', reason, detail });
  const options = { ...(about === undefined ? {} : { about }), ...(action === undefined ? {} : { action }) };
  return renderProblem(c, new PageProblem(reason, options));
}

/**
 * Ends a page's request with an error told to a person. `tag` chooses the words and the status, and is what
 * the log says; `detail` is for the log alone, `about` is named on the page.
 */
export class PageProblem extends Error {
  constructor(
    readonly tag: ProblemTag,
    readonly options: {
      detail?: string | undefined;
      about?: string;
      action?: { label: string; href: string };
    } = {},
  ) {
    super(tag);
  }
}

export function brandingOf({ settings, origin }: Deployment): Branding {
  const { name, logo, policyUrl, termsUrl, supportUrl } = settings;
  const own = logo?.startsWith('https:') || logo?.startsWith('http:') ? `${origin}/logo` : logo;
  return { name, logo: own, policyUrl, termsUrl, supportUrl };
}

/** The page of a {@link PageProblem}. */
export function renderProblem(c: Context, { tag, options }: PageProblem): Promise<Response> {
  const deployment = deploymentOf(c);
  const entry: Words | ((about: string) => Words) = words.problems[tag];
  const { title, what, next } = typeof entry === 'function' ? entry(options.about ?? '') : entry;
  const page = (
    <ProblemPage
      branding={brandingOf(deployment)}
      title={title}
      what={what}
      next={next}
      requestId={deployment.requestId}
      action={options.action}
    />
  );
  const after = RETRY_AFTER[tag];
  const headers = after === undefined ? {} : { 'Retry-After': String(after) };
  return showPage(c, page, { status: STATUS[tag] ?? 400, headers });
}

/** A page as this request's answer, with the cookies that were set on the way. */
export async function showPage(c: Context, page: JSX.Element, options?: RenderOptions): Promise<Response> {
  const response = await renderPage(page, options);
  return c.newResponse(response.body, response);
}
