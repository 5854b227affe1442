import { type Identity, VISITOR } from '../account';
import { deploymentOf } from '../config';
import { signOutAction } from '../sign-in';
import { type Branding, brandingOf, Layout, plain, Say, shown, showPage, words } from '../ui';
import { checkMayHaveKeys } from './keys/own';
import type { PersonContext } from './shared/person';

const text = words.account;

/** A part of the account that has a page of its own, below `/account/`. */
type AccountSection = keyof typeof text.sections;

/** `GET /account`: who is signed in, and the pages that there are for them. */
export async function showHome(c: PersonContext): Promise<Response> {
  const { person } = c.var;
  const sections: AccountSection[] = [
    ...(['apps', 'connections'] as const),
    ...(checkMayHaveKeys(person).ok ? (['keys'] as const) : []),
    ...(['browsers', 'activity'] as const),
  ];
  const branding = brandingOf(deploymentOf(c));
  const page = <AccountPage branding={branding} identity={person.identity} sections={sections} />;
  return showPage(c, page, { formAction: signOutAction(c, person.identity) });
}

interface AccountProps {
  branding: Branding;
  identity: Identity;
  sections: readonly AccountSection[];
}

function AccountPage({ branding, identity, sections }: AccountProps) {
  const signedIn = words.signIn.signedIn(identity.name);
  return (
    <Layout branding={branding} title={plain(signedIn)} parts={['lists']}>
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
