import type { PropsWithChildren } from 'hono/jsx';

/** The hidden inputs that a form carries. */
export function Hidden({ fields }: { fields: Record<string, string> }) {
  return (
    <>
      {Object.entries(fields).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
    </>
  );
}

/** The field for a code that an app or a device shows (`user_code`). */
export function CodeField({ label, value, autofocus = true }: CodeFieldProps) {
  return (
    <label class="field">
      {label}
      <input
        name="user_code"
        value={value}
        autocomplete="off"
        autocapitalize="characters"
        spellcheck={false}
        maxlength={20}
        required
        autofocus={autofocus}
      />
    </label>
  );
}

interface CodeFieldProps {
  label: string;
  value?: string | undefined;
  autofocus?: boolean;
}

/** What was wrong with the form just sent, which screen readers read out at once. Nothing without a text. */
export function Notice({ text }: { text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <p class="note bad" role="alert">
      {text}
    </p>
  );
}

/** Something to consider before going on. */
export function Warning({ title, children }: PropsWithChildren<{ title: string }>) {
  return (
    <p class="note warn">
      <strong>{title}</strong> {children}
    </p>
  );
}
