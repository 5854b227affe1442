import { type Branding, Layout } from './layout';
import { words } from './words/words';

interface ProblemProps {
  branding: Branding;
  title: string;
  /** What happened. */
  what: string;
  /** What the person can do about it. */
  next: string;
  /** What the operator finds it by in the log and the trail. */
  requestId: string;
  action?: { label: string; href: string } | undefined;
}

/** An error page. */
export function ProblemPage({ branding, title, what, next, requestId, action }: ProblemProps) {
  return (
    <Layout branding={branding} title={title}>
      <h1>{title}</h1>
      <p class="lead">{what}</p>
      <h2>{words.problem.next}</h2>
      <p>{next}</p>
      {action && (
        <a class="button" href={action.href}>
          {action.label}
        </a>
      )}
      <p class="hint rule">
        {words.problem.requestId} <code class="pickable">{requestId}</code>
      </p>
    </Layout>
  );
}

/** A page that only says something, such as that a device may go on. */
export function MessagePage({ branding, title, text }: { branding: Branding; title: string; text: string }) {
  return (
    <Layout branding={branding} title={title}>
      <h1>{title}</h1>
      <p class="lead">{text}</p>
    </Layout>
  );
}
