import { type Branding, Hidden, Layout } from '../../ui';

/** What a person is asked before something ends: a title as a question, what it means, and two buttons. */
interface ConfirmProps {
  branding: Branding;
  title: string;
  text: string;
  /** Of the button that does it. */
  label: string;
  action: string;
  hidden: Record<string, string>;
  back: { label: string; href: string };
}

/** A page that asks for confirmation. */
export function ConfirmPage({ branding, title, text, label, action, hidden, back }: ConfirmProps) {
  return (
    <Layout branding={branding} title={title}>
      <h1>{title}</h1>
      <p class="lead">{text}</p>
      <form method="post" action={action}>
        <Hidden fields={hidden} />
        <button type="submit">{label}</button>
      </form>
      <a class="button quiet" href={back.href}>
        {back.label}
      </a>
    </Layout>
  );
}

/** That something was done, which screen readers read out at once. Nothing without a text. */
export function Done({ text }: { text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <p class="note good" role="status">
      {text}
    </p>
  );
}
