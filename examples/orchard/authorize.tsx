import {
  AuthorizationError,
  authorizationErrorRedirect,
  CimdFetchError,
  type ConsentDescription,
  type OAuthHelpers,
} from '@cloudflare/workers-oauth-provider';
import { LONGEST_NAME, readAccount } from './account';
import { renderPage } from './page';

/** What the form sends. */
export type Answer = Record<string, unknown>;

/** The one scope: an app that is let in may do all that its account may, whatever else it asked for. */
export const SCOPE = 'orchard';

const LONGEST_SHOWN = 80;

/**
 * `/authorize`: shows who asks (GET), and lets them in or not (POST). The request stands in the address both
 * times and is checked both times, so nothing is kept in between and the answer can only go where a client
 * registered it. RFC 6749, sections 3.1 and 4.1.
 */
export async function authorize(url: string, oauth: OAuthHelpers, answer?: Answer): Promise<Response> {
  const request = await oauth.parseAuthRequest(new Request(url)).catch(expectedError);
  if (request instanceof Error) return refuseRequest(request);
  const consent = await oauth.describeConsent(request);
  if (answer?.decision === 'refuse') {
    return Response.redirect(authorizationErrorRedirect(request, 'access_denied'), 303);
  }
  if (answer?.decision !== 'allow') return askFor(consent, url, answer === undefined ? 200 : 400);
  const account = readAccount(String(answer.account ?? ''));
  if (!account) return askFor(consent, url, 400);
  const { redirectTo } = await oauth.completeAuthorization({
    request,
    userId: account.id,
    scope: [SCOPE],
    props: account,
    metadata: { client: consent.clientName },
  });
  return Response.redirect(redirectTo, 303);
}

/** A request that can't be granted goes back to the client where that is safe, else to the person. */
function refuseRequest(error: Error): Response | Promise<Response> {
  if (error instanceof AuthorizationError && error.redirectTo)
    return Response.redirect(error.redirectTo, 302);
  const why = error instanceof AuthorizationError ? error.description : 'its document could not be read';
  const body = (
    <>
      <h1>This app can’t be let in</h1>
      <p class="wrong">Its request is wrong: {why}.</p>
      <p>Go back to the app and connect it again.</p>
    </>
  );
  return renderPage('This app can’t be let in', body, 400);
}

function expectedError(error: unknown): Error {
  if (error instanceof AuthorizationError || error instanceof CimdFetchError) return error;
  throw error;
}

function askFor(consent: ConsentDescription, url: string, status: 200 | 400): Promise<Response> {
  const { pathname, search } = new URL(url);
  const name = consent.clientName.slice(0, LONGEST_SHOWN);
  const body = (
    <>
      <h1>
        Let <bdi>{name}</bdi> into your orchard?
      </h1>
      <p>It could look at your trees, plant new ones and fell old ones, until you disconnect it.</p>
      <p class="soft">
        {consent.clientDomain
          ? `It comes from ${consent.clientDomain}.`
          : 'Its name is what it calls itself; nobody checked it.'}{' '}
        It waits at <code>{consent.redirectHost}</code>
        {consent.redirectIsLoopback ? ', a program on this computer.' : '.'}
      </p>
      {status === 400 && <p class="wrong">Say whose orchard: a name of 1 to {LONGEST_NAME} characters.</p>}
      <form method="post" action={pathname + search}>
        <label for="account">Whose orchard?</label>
        <input id="account" name="account" maxlength={LONGEST_NAME} autocomplete="username" required />
        <small>Any name: this is an example on your own computer, with no passwords.</small>
        <p class="choice">
          <button type="submit" name="decision" value="allow">
            Allow
          </button>
          <button type="submit" name="decision" value="refuse" class="other" formnovalidate>
            Refuse
          </button>
        </p>
      </form>
    </>
  );
  return renderPage(`Let ${name} in?`, body, status);
}
