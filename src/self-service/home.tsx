import { type Context, Hono } from 'hono';
import { type Identity, VISITOR } from '../account';
import { deploymentOf } from '../config';
import { openFlow } from '../flow';
import { type Branding, brandingOf, Layout, plain, Say, shown, showPage, words } from '../ui';
import { whyNoKeys } from './keys/api';
import type { ApiUser } from './shared/api';

const text = words.account;

/** A part of the account that has a page of its own, below `/account/`. */
export type AccountSection = keyof typeof text.sections;

/** `/account`: who is signed in, and the pages there are. `whoCalls` is handed in, as it is for the API. */
export function accountHome(
  whoCalls: (c: Context) => Promise<ApiUser | undefined>,
  sections: readonly AccountSection[],
) {
  return new Hono<{ Bindings: Env }>().get('/account', async (c) => {
    const user = await whoCalls(c);
    if (!user) {
      const flow = await openFlow(c, () => ({ kind: 'sign-in', return_to: '/account' }));
      return c.redirect(`/sign-in?flow=${flow}`, 303);
    }
    const { identity } = user;
    const theirs = sections.filter((section) => section !== 'keys' || whyNoKeys(user) === undefined);
    return showPage(
      c,
      <AccountPage branding={brandingOf(deploymentOf(c))} identity={identity} sections={theirs} />,
    );
  });
}

interface AccountProps {
  branding: Branding;
  identity: Identity;
  sections: readonly AccountSection[];
}

function AccountPage({ branding, identity, sections }: AccountProps) {
  const signedIn = words.signIn.signedIn(identity.name);
  return (
    <Layout branding={branding} title={plain(signedIn)} parts={['services']}>
      <h1>{text.title}</h1>
      <p class="lead">
        <Say sentence={signedIn} />
        {identity.email !== undefined && (
          <span class="hint">
            {' '}
            <bdi>{shown(identity.email, 254)}</bdi>
          </span>
        )}
      </p>
      <ul class="rows">
        {sections.map((section) => (
          <li class="row">
            <a href={`/account/${section}`}>
              <b>{text.sections[section].name}</b>
              <small>{text.sections[section].text}</small>
            </a>
          </li>
        ))}
      </ul>
      {identity.provider === VISITOR && (
        <a class="button" href="/sign-in?as=user">
          {words.visitor.signIn}
        </a>
      )}
      <form method="post" action="/sign-out">
        <button type="submit" class="quiet">
          {words.signIn.signOut}
        </button>
      </form>
      <p class="hint">{words.signIn.signOutText}</p>
    </Layout>
  );
}
