const START_AGAIN = 'Go back to your app and connect again.';
const TELL_MAKER = 'This is the app’s mistake, not yours. Tell whoever makes the app, with the id below.';
const TELL_OPERATOR = 'Tell whoever runs this page, with the id below.';

type Words = { status: number; title: string; what: string; next: string };

/** What each error page says. A function where it names something. */
const PROBLEMS = {
  client_id_missing: {
    status: 400,
    title: 'The app didn’t say who it is',
    what: 'The link that brought you here lacks the app’s id (client_id).',
    next: `${TELL_MAKER} If you copied the link, copy all of it.`,
  },
  client_unknown: {
    status: 400,
    title: 'We don’t know this app',
    what: 'It is not registered here, or its registration has expired.',
    next: 'Remove the connection in your app and add it again, so that it registers anew.',
  },
  client_document_unreachable: (about: string) => ({
    status: 400,
    title: 'We couldn’t check who this app is',
    what: `Its description could not be fetched from ${about}.`,
    next: 'Try again in a few minutes. If it stays so, tell whoever makes the app, with the id below.',
  }),
  client_document_invalid: (about: string) => ({
    status: 400,
    title: 'This app’s description is not right',
    what: `What ${about} says about the app can’t be used.`,
    next: TELL_MAKER,
  }),
  redirect_uri_missing: {
    status: 400,
    title: 'The app didn’t say where to return',
    what: 'The link that brought you here lacks the address to return to (redirect_uri).',
    next: `${TELL_MAKER} If you copied the link, copy all of it.`,
  },
  redirect_uri_mismatch: {
    status: 400,
    title: 'The return address is not this app’s',
    what: 'The link that brought you here would send access to an address that the app did not register, so it stops here.',
    next: 'If you didn’t start this yourself, close the page. Else remove the connection in your app and add it again.',
  },
  parameter_repeated: (about: string) => ({
    status: 400,
    title: 'The app’s request is ambiguous',
    what: `The link that brought you here says ${about} more than once.`,
    next: TELL_MAKER,
  }),
  request_too_large: {
    status: 400,
    title: 'The app’s request is too long',
    what: 'The link that brought you here is longer than any real one.',
    next: TELL_MAKER,
  },
  flow_unknown: {
    status: 400,
    title: 'There is nothing under way here',
    what: 'This address belongs to no sign-in of ours.',
    next: START_AGAIN,
  },
  flow_expired: {
    status: 410,
    title: 'This took too long',
    what: 'To keep you safe, a request like this ends after a few minutes.',
    next: `${START_AGAIN} It takes less than a minute.`,
  },
  flow_other_browser: {
    status: 403,
    title: 'This was started in another browser',
    what: 'A sign-in can only be finished in the browser it was started in. Nothing was allowed.',
    next: 'If somebody sent you this link, close the page. Else connect again, in this browser.',
  },
  flow_submitted: {
    status: 409,
    title: 'You have already answered this',
    what: 'This request was answered before, perhaps in another tab.',
    next: 'Look into your app: it may be connected. If not, connect again.',
  },
  form_unreadable: {
    status: 400,
    title: 'We couldn’t read that form',
    what: 'What your browser sent is not the form of this page.',
    next: 'Go back, reload the page and try again.',
  },
  form_forged: {
    status: 403,
    title: 'That form wasn’t ours',
    what: 'It came from another site, or the page was open while you signed in as somebody else. Nothing was changed.',
    next: 'Go back, reload the page and try again.',
  },
  method_refused: {
    status: 400,
    title: 'You can’t sign in that way here',
    what: 'That way to sign in is not offered.',
    next: 'Go back and choose one of those on the page.',
  },
  provider_unreachable: (about: string) => ({
    status: 502,
    title: 'The sign-in service doesn’t answer',
    what: `We couldn’t reach ${about}.`,
    next: 'Try again in a few minutes.',
  }),
  provider_refused: (about: string) => ({
    status: 400,
    title: 'The sign-in wasn’t finished',
    what: `${about} did not let you in, or you cancelled.`,
    next: 'Try again, or choose another way to sign in.',
  }),
  provider_answer_invalid: (about: string) => ({
    status: 400,
    title: 'The sign-in couldn’t be verified',
    what: `The answer from ${about} is not one that we can trust, so nobody was signed in.`,
    next: `Try again. If it stays so: ${TELL_OPERATOR.toLowerCase()}`,
  }),
  sso_required: (about: string) => ({
    status: 403,
    title: 'Please sign in with your organization',
    what: `Addresses like yours come in by ${about} only.`,
    next: `Go back and continue with ${about}.`,
  }),
  no_access: (about: string) => ({
    status: 403,
    title: 'You have no access here yet',
    what: `You are signed in as ${about}, and that account was given no role.`,
    next: 'Ask whoever runs this page for access, or use another account.',
  }),
  not_found: {
    status: 404,
    title: 'There is no such page',
    what: 'The address leads nowhere.',
    next: 'The way to connect an app is described on the first page.',
  },
  settings_unusable: (about: string) => ({
    status: 503,
    title: 'This gate isn’t set up yet',
    what: about,
    next: 'Whoever runs it finds each setting, and what to write, at /health.',
  }),
  internal_error: {
    status: 500,
    title: 'Something went wrong on our side',
    what: 'Your request could not be finished, and nothing was allowed.',
    next: `Try again. If it stays so: ${TELL_OPERATOR.toLowerCase()}`,
  },
} satisfies Record<string, Words | ((about: string) => Words)>;

export type ProblemTag = keyof typeof PROBLEMS;

export function problemWords(tag: ProblemTag, about: string): Words {
  const entry: Words | ((about: string) => Words) = PROBLEMS[tag];
  return typeof entry === 'function' ? entry(about) : entry;
}
