import { raw } from 'hono/html';
import { encodeQR } from 'qr';
import { type Branding, CodeField, Hidden, Layout, Notice, Say, shown, words } from '../../ui';

const text = words.device;

interface CodePageProps {
  branding: Branding;
  action: string;
  hidden: Record<string, string>;
  /** Who is signed in, with a way to be somebody else. */
  user: string;
  switchAccount: { action: string; hidden: Record<string, string> };
  /** What was typed, or the code of the link that led here. */
  code?: string;
  /** The link that led here, to be scanned by a phone. */
  link?: string;
  /** What was wrong with the code just sent. */
  notice?: string;
}

/**
 * Where a person types the code of a device (`user_code`), or compares the one of the link that they opened. A
 * link only fills the form in: nothing is asked for until the person sends it.
 */
export function DeviceCodePage(props: CodePageProps) {
  const { branding, action, hidden, code, link, notice } = props;
  // A code that is there already and isn't wrong came by a link, which anybody can have made.
  const compares = code !== undefined && notice === undefined;
  const title = compares ? text.compareTitle : text.title;
  return (
    <Layout branding={branding} title={title} parts={['device']}>
      <h1>{title}</h1>
      <p class="lead">{compares ? <Say sentence={text.compareLead(code)} /> : text.lead}</p>
      <Notice text={notice} />
      <form method="post" action={action}>
        <Hidden fields={hidden} />
        <CodeField label={text.code} value={code} autofocus={!compares} />
        <button type="submit">{text.submit}</button>
      </form>
      <form method="post" action={props.switchAccount.action}>
        <Hidden fields={props.switchAccount.hidden} />
        <p class="hint">
          <Say sentence={text.as(shown(props.user))} />{' '}
          <button type="submit" class="link">
            {words.consent.switchAccount}
          </button>
        </p>
      </form>
      {link !== undefined && (
        <details class="more">
          <summary>{text.phone}</summary>
          <div class="qr" role="img" aria-label={text.qr}>
            {raw(encodeQR(link, 'svg', { ecc: 'medium', border: 3 }))}
          </div>
        </details>
      )}
    </Layout>
  );
}
