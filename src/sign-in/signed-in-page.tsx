import { type Identity, VISITOR } from '../account';
import { type Branding, Layout, plain, Say, words } from '../ui';

const text = words.signIn;

/** Who is signed in at this browser, and the way out. */
export function SignedInPage({ branding, identity }: { branding: Branding; identity: Identity }) {
  const title = text.signedIn(identity.name);
  return (
    <Layout branding={branding} title={plain(title)}>
      <h1>
        <Say sentence={title} />
      </h1>
      {identity.email !== undefined && <p class="lead">{identity.email}</p>}
      {identity.provider === VISITOR && (
        <a class="button" href="/sign-in?as=user">
          {words.visitor.signIn}
        </a>
      )}
      <form method="post" action="/sign-out">
        <button type="submit">{text.signOut}</button>
      </form>
      <p class="hint">{text.signOutText}</p>
      <p class="hint rule">
        <a href="/account">{words.account.title}</a>
      </p>
    </Layout>
  );
}

/** After signing out, or when nobody was signed in. */
export function SignedOutPage({ branding }: { branding: Branding }) {
  return (
    <Layout branding={branding} title={text.signedOut}>
      <h1>{text.signedOut}</h1>
      <p class="lead">{text.signedOutText}</p>
      <a class="button" href="/sign-in">
        {text.submit}
      </a>
    </Layout>
  );
}
