import { type Branding, Layout } from './layout';
import { words } from './words';

interface ProblemProps {
  branding: Branding;
  title: string;
  /** What happened. */
  what: string;
  /** What the person can do about it. */
  next: string;
  /** By which the operator finds it in the log and the trail. */
  requestId: string;
  action?: { label: string; href: string } | undefined;
}

/** An error told to a person. */
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

/** A calm notice, such as "You are signed out". */
export function MessagePage({ branding, title, text }: { branding: Branding; title: string; text: string }) {
  return (
    <Layout branding={branding} title={title}>
      <h1>{title}</h1>
      <p class="lead">{text}</p>
    </Layout>
  );
}
