import {
  AuthorizationError,
  authorizationErrorRedirect,
  CimdFetchError,
  type ConsentDescription,
  type OAuthHelpers,
} from '@cloudflare/workers-oauth-provider';
import { LONGEST_NAME, readAccount } from './account';
import { renderPage } from './page';

/** The fields of the form. */
export type Answer = Record<string, unknown>;

/** The only scope: an allowed app can do everything that its account can, whatever scopes it requested. */
export const SCOPE = 'orchard';

const LONGEST_SHOWN = 80;

/**
 * `/authorize` (RFC 6749, sections 3.1 and 4.1): shows which app asks (GET), and allows or denies it (POST). The
 * request is in the address both times and is checked both times, so nothing has to be stored in between, and the
 * answer can only go to a registered redirect URI.
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

/** Returns an invalid request's error to the client if that is safe, or else shows it to the person. */
function refuseRequest(error: Error): Response | Promise<Response> {
  if (error instanceof AuthorizationError && error.redirectTo)
    return Response.redirect(error.redirectTo, 302);
  const why =
    error instanceof AuthorizationError ? error.description : 'its metadata document couldn’t be read';
  const body = (
    <>
      <h1>This app can’t be connected</h1>
      <p class="wrong">Its request isn’t valid: {why}.</p>
      <p>Go back to the app and connect again.</p>
    </>
  );
  return renderPage('This app can’t be connected', body, 400);
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
        Allow <bdi>{name}</bdi> to use your orchard?
      </h1>
      <p>It can see your trees, plant new ones, and cut down old ones, until you disconnect it.</p>
      <p class="soft">
        {consent.clientDomain ? `It comes from ${consent.clientDomain}.` : 'Its name isn’t verified.'} Access
        goes to <code>{consent.redirectHost}</code>
        {consent.redirectIsLoopback ? ', a program on this computer.' : '.'}
      </p>
      {status === 400 && <p class="wrong">Enter a name of 1 to {LONGEST_NAME} characters.</p>}
      <form method="post" action={pathname + search}>
        <label for="account">Whose orchard?</label>
        <input id="account" name="account" maxlength={LONGEST_NAME} autocomplete="username" required />
        <small>Any name works. This example runs on your computer and has no passwords.</small>
        <p class="choice">
          <button type="submit" name="decision" value="allow">
            Allow
          </button>
          <button type="submit" name="decision" value="refuse" class="other" formnovalidate>
            Deny
          </button>
        </p>
      </form>
    </>
  );
  return renderPage(`Allow ${name}?`, body, status);
}
