import { adminProblems } from './admin';
import { authorizeProblems } from './authorize';
import { connectionProblems } from './connections';
import { limitProblems } from './limits';

const START_AGAIN = 'Go back to your app and connect again.';
const TELL_DEVELOPER =
  'The problem is with the app, not with anything you did. Report it to the app’s developer, and include the reference below.';
const TRY_AGAIN =
  'Try again. If the problem continues, contact your administrator, and include the reference below.';
const COPY_ALL = 'If you copied the link, make sure that it’s complete.';

/** What each error page says, by its tag; a function where the page names something. */
export const problems = {
  client_id_missing: {
    title: 'The app didn’t identify itself',
    what: 'The link that brought you here doesn’t include the app’s ID (client_id).',
    next: `${TELL_DEVELOPER} ${COPY_ALL}`,
  },
  client_unknown: {
    title: 'This app isn’t registered',
    what: 'It was never registered here, or its registration has expired.',
    next: 'Remove the connection in your app and add it again. The app then registers again.',
  },
  client_document_unreachable: (about: string) => ({
    title: 'We couldn’t verify this app',
    what: `We couldn’t get its description from ${about}.`,
    next: 'Try again in a few minutes. If the problem continues, report it to the app’s developer, and include the reference below.',
  }),
  client_document_invalid: (about: string) => ({
    title: 'This app’s description isn’t valid',
    what: `We can’t use what ${about} says about the app.`,
    next: TELL_DEVELOPER,
  }),
  redirect_uri_missing: {
    title: 'The app didn’t say where to return',
    what: 'The link that brought you here doesn’t include the return address (redirect_uri).',
    next: `${TELL_DEVELOPER} ${COPY_ALL}`,
  },
  redirect_uri_mismatch: {
    title: 'The return address doesn’t belong to this app',
    what: 'The link that brought you here would send access to an address that the app didn’t register, so we stopped it.',
    next: 'If you didn’t start this yourself, close this page. Otherwise, remove the connection in your app and add it again.',
  },
  parameter_repeated: (about: string) => ({
    title: 'The app’s request is ambiguous',
    what: `The link that brought you here contains ${about} more than once.`,
    next: TELL_DEVELOPER,
  }),
  request_too_large: {
    title: 'The app’s request is too long',
    what: 'The link that brought you here is longer than we accept.',
    next: TELL_DEVELOPER,
  },
  flow_unknown: {
    title: 'We couldn’t find this sign-in',
    what: 'This address doesn’t belong to a sign-in that we started.',
    next: START_AGAIN,
  },
  flow_expired: {
    title: 'This took too long',
    what: 'For your safety, a request like this expires after a few minutes.',
    next: `${START_AGAIN} It takes less than a minute.`,
  },
  flow_other_browser: {
    title: 'This was started in another browser',
    what: 'A sign-in must be finished in the browser where it was started. No access was given.',
    next: 'If someone sent you this link, close this page. Otherwise, connect again in this browser.',
  },
  flow_submitted: {
    title: 'You’ve already answered this',
    what: 'This request has already been answered, maybe in another tab.',
    next: 'Check your app: it may be connected already. If it isn’t, connect again.',
  },
  form_unreadable: {
    title: 'We couldn’t read that form',
    what: 'What your browser sent isn’t the form of this page.',
    next: 'Go back, reload the page, and try again.',
  },
  form_forged: {
    title: 'We couldn’t accept that form',
    what: 'It came from another site, or you signed out or switched accounts while the page was open. Nothing was changed.',
    next: 'Go back, reload the page, and try again.',
  },
  method_refused: {
    title: 'You can’t sign in that way here',
    what: 'That way of signing in isn’t available.',
    next: 'Go back and choose one that’s on the page.',
  },
  provider_unreachable: (about: string) => ({
    title: 'The sign-in provider isn’t responding',
    what: `We couldn’t reach ${about}.`,
    next: 'Try again in a few minutes.',
  }),
  provider_refused: (about: string) => ({
    title: 'The sign-in wasn’t finished',
    what: `${about} refused the sign-in.`,
    next: 'Try again, or choose another way to sign in. If the problem continues, contact your administrator, and include the reference below.',
  }),
  provider_refused_gate: (about: string) => ({
    title: 'Signing in isn’t set up correctly',
    what: `${about} refused our request, not you. You weren’t signed in.`,
    next: 'Contact your administrator, and include the reference below.',
  }),
  provider_failed: (about: string) => ({
    title: 'The sign-in provider has a problem',
    what: `${about} reported an error of its own, so you weren’t signed in.`,
    next: 'Try again in a few minutes.',
  }),
  provider_answer_invalid: (about: string) => ({
    title: 'We couldn’t verify the sign-in',
    what: `The answer from ${about} can’t be trusted, so you weren’t signed in.`,
    next: TRY_AGAIN,
  }),
  sso_required: (about: string) => ({
    title: 'Sign in with your organization',
    what: `With an address like yours, you can sign in only with ${about}.`,
    next: `Go back and continue with ${about}.`,
  }),
  account_disabled: (about: string) => ({
    title: 'This account is disabled',
    what: `An administrator has disabled the account of ${about}.`,
    next: 'Ask your administrator, or use another account.',
  }),
  no_access: (about: string) => ({
    title: 'You don’t have access yet',
    what: `You’re signed in as ${about}, but that account has no role here.`,
    next: 'Ask your administrator for access, or use another account.',
  }),
  ...authorizeProblems,
  ...connectionProblems,
  keys_not_here: {
    title: 'You can’t create keys here',
    what: 'Access keys are only for people who signed in themselves: not for visitors, and not for anyone who signed in with a key.',
    next: 'Sign in with your own account. If you signed in with a key, sign out first.',
  },
  ...limitProblems,
  ...adminProblems,
  not_found: {
    title: 'Page not found',
    what: 'There’s no page at this address.',
    next: 'The home page shows how to connect an app.',
  },
  host_not_ours: (about: string) => ({
    title: 'This isn’t the right address',
    what: `You can reach this site only at ${about}.`,
    next: `Open ${about} instead.`,
  }),
  settings_unusable: (about: string) => ({
    title: 'This site isn’t set up yet',
    what: about,
    next: 'Your administrator can see each setting, and how to fix it, at /health.',
  }),
  internal_error: {
    title: 'Something went wrong on our end',
    what: 'We couldn’t finish your request. No access was given.',
    next: TRY_AGAIN,
  },
};
