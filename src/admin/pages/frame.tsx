import type { PropsWithChildren } from 'hono/jsx';
import { deploymentOf } from '../../config';
import { Done } from '../../self-service';
import { type Branding, brandingOf, Layout, words } from '../../ui';
import type { AdminContext } from '../shared/admit';

const text = words.admin;

/** What every page of `/admin` shows: who may only read, that something was done. */
export interface FrameProps {
  branding: Branding;
  readOnly: boolean;
  done?: string | undefined;
}

/** What a request says of {@link FrameProps}. */
export function frameOf(c: AdminContext): FrameProps {
  const done = c.req.query('done') === undefined ? undefined : text.done;
  return { branding: brandingOf(deploymentOf(c)), readOnly: c.var.standing === 'auditor', done };
}

/** A page of `/admin`, with the way back. */
export function Frame({
  branding,
  readOnly,
  done,
  title,
  children,
}: PropsWithChildren<FrameProps & { title: string }>) {
  return (
    <Layout branding={branding} title={title} parts={['lists']}>
      <h1>
        <bdi>{title}</bdi>
      </h1>
      {readOnly && <p class="hint">{text.readOnly}</p>}
      <Done text={done} />
      {children}
      <p class="links rule">
        <a href="/admin">{text.title}</a>
        <a href="/account">{words.account.title}</a>
      </p>
    </Layout>
  );
}
