import type { Context } from 'hono';
import { deploymentOf } from '../config';
import type { Flow } from '../flow';
import { brandingOf, showPage } from '../ui';
import { SignInPage, type SignInProps } from './sign-in-page';

/**
 * The page of a flow in which nobody is signed in yet: 200, or 400 with `again`, which is what was wrong with the form
 * just sent and what it held.
 */
export async function showSignIn(
  c: Context,
  flow: Flow,
  again?: Required<Pick<SignInProps, 'notice' | 'values'>>,
): Promise<Response> {
  const deployment = deploymentOf(c);
  const { methods, settings } = deployment;
  const oidc = methods.includes('oidc') ? settings.signIn.oidc : [];
  const page = (
    <SignInPage
      branding={brandingOf(deployment)}
      action={`/sign-in?flow=${flow.id}`}
      hidden={{ csrf: await flow.csrf() }}
      methods={{
        key: methods.includes('key'),
        skip: methods.includes('skip'),
        local: methods.includes('local'),
        oidc: oidc.map(({ name, title }) => ({ name, title: title ?? name })),
      }}
      {...(flow.data.client_name === undefined ? {} : { clientName: flow.data.client_name })}
      {...again}
    />
  );
  return showPage(c, page, { formAction: 'open', status: again ? 400 : 200 });
}
