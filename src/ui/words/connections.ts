import { say } from './sentence';

const CONTACT_ADMINISTRATOR = 'You can’t fix this yourself. Contact your administrator.';
const NEW_LINK = 'Ask your app to try again. It shows you a new link.';

function inSeconds(count: number): string {
  return count === 1 ? 'in 1 second' : `in ${count} seconds`;
}

/** Connecting one's own account at a server: pages, and what an app shows for a tool call. */
export const connectionWords = {
  title: (server: string) => say`Connect your ${server} account`,
  oauth: (name: string, server: string) =>
    say`You’ll go to ${server}, sign in there, and allow ${name} to act for you. Then you’ll come back here.`,
  apiKey: (name: string, server: string) =>
    say`${name} uses this key only for you, when you work with ${server}. It’s stored encrypted.`,
  you: 'You',
  status: 'Status',
  statuses: {
    connected: 'connected',
    needs_reauthorization: 'needs to be reconnected',
    not_connected: 'not connected',
    pending: 'sign-in not finished',
    orphaned: 'server removed',
  },
  /** Why one needs to be reconnected, where a person can make something of it. */
  reasons: {
    vault_unreadable: 'can’t be read: reconnect',
    server_moved: 'server moved: reconnect',
  },
  connect: 'Connect',
  reconnect: 'Reconnect',
  otherKey: 'Use another key',
  disconnect: 'Disconnect',
  remove: 'Remove',
  key: (server: string) => say`Your ${server} key`,
  submitOauth: (server: string) => say`Continue to ${server}`,
  submitKey: 'Connect',
  submitted: 'We’ll try it once before we save it.',
  keyMalformed:
    'This isn’t a key. It contains a line break or characters that keys don’t have. Paste it again.',
  keyRefused: 'The server rejected this key. Make sure that it’s complete and still valid.',
  serverUnreachable: 'We couldn’t check the key because the server isn’t responding. Try again in a minute.',
  done: (server: string) => say`${server} is connected`,
  doneText: 'You can close this page. Go back to your app and ask it to try again.',
  again: 'Try again',
  switchAccount: 'Use another account',

  /** Where the link of a visitor's app is opened in another browser than the visitor's. */
  code: {
    title: 'Enter the code from your app',
    lead: (server: string) =>
      say`You use ${server} in an app without having signed in here. The app shows a code next to its link.`,
    field: 'Code',
    submit: 'Continue',
    warningTitle: 'Continue only if the app is yours.',
    warning: (server: string) =>
      say`Anyone who uses that app can then use ${server} with the account that you connect. If someone sent you this link, close this page.`,
    wrong: 'That isn’t the right code. Check your app again: each link has its own code.',
    visitor: 'App used by',
    /** A tool call's answer, with the code of its link, if that has one. */
    withCode: (text: string, code: string | undefined) =>
      code === undefined ? text : `${text} If the page asks for a code, enter ${code}.`,
  },

  /** The tool that stands for a server until it is connected; agents read its description. */
  tool: {
    title: (server: string) => `Connect ${server}`,
    describe: (server: string, about: string | undefined) =>
      `Returns the link where the user connects their own ${server} account. ` +
      `${about ? `${server}: ${about} ` : ''}Until then, this is the only tool of ${server}; ` +
      'afterward, all of its tools are listed instead. Use it when the user asks for something there.',
    elicit: (server: string) => `Connect your ${server} account to continue.`,
    done: (server: string) => `${server} is connected. Its own tools are listed now.`,
  },

  /** The answer to a tool call without a usable connection; an app shows it to its user. */
  unconnected: {
    not_connected: (server: string, link: string) =>
      `To use “${server}”, connect your own account there first: open ${link} in your browser, then try again.`,
    needs_reauthorization: (server: string, link: string) =>
      `The connection to your account at “${server}” has ended. Open ${link} in your browser to reconnect, then try again.`,
    vault_unreadable: (server: string, link: string) =>
      `The stored connection to “${server}” can’t be read because its encryption key is gone. Open ${link} in your browser to reconnect, then try again.`,
    provider_unavailable: (server: string, seconds: number) =>
      `The sign-in provider of “${server}” isn’t responding. Your connection is kept; try again ${inSeconds(seconds)}.`,
  },
};

/** The step after consent: the servers that need an account of the person's own, and the state of each. */
export const serviceWords = {
  title: 'Connect your accounts',
  lead: (client: string) =>
    say`You allowed ${client} to use these servers as you. Each one needs an account of yours. Connect the ones that you need now.`,
  titleDone: 'Everything is connected',
  leadDone: (client: string) =>
    say`${client} can use these servers as you. Choose Finish to return to ${client}.`,
  more: (count: number) => `and ${count} more`,
  decisionMissing: 'Connect one of these, or choose Finish or Skip for now.',
  skip: 'Skip for now',
  finish: 'Finish',
  later: 'You can connect the others later. Your app shows you a link when it needs one.',
  change: 'Change what you allowed',
};

/** `/account` and the pages below it. */
export const accountWords = {
  title: 'Your account',
  sections: {
    apps: { name: 'Apps', text: 'Apps that can act for you.' },
    connections: { name: 'Connections', text: 'Accounts you’ve linked.' },
    keys: { name: 'Access keys', text: 'For scripts, and for apps that can’t sign in.' },
    browsers: { name: 'Browsers', text: 'Where you’re signed in.' },
    activity: { name: 'Activity', text: 'What you and your apps did.' },
  },
  connections: 'Your connections',
  connectionsLead: 'These servers need an account of yours. Apps use it only for you.',
  noConnections: 'No server here needs an account of yours.',
  more: (count: number) => `${count} more`,
};

/** Error pages of connecting; `about` is the server's title. */
export const connectionProblems = {
  connect_other_person: (about: string) => ({
    title: 'This link is for someone else',
    what: `It connects ${about} for the person who requested it, who isn’t signed in here. Nothing was connected.`,
    next: 'If the link is yours, sign in with the account that you gave your app access with. Otherwise, close this page.',
  }),
  connect_link_unknown: {
    title: 'This link doesn’t work',
    what: 'We didn’t create this link, or it’s incomplete.',
    next: NEW_LINK,
  },
  connect_link_expired: {
    title: 'This link has expired',
    what: 'A link to connect an account works for an hour.',
    next: NEW_LINK,
  },
  connect_code_guesses: {
    title: 'Too many wrong codes',
    what: 'None of the codes was the right one for this link. Nothing was connected.',
    next: 'Ask your app to try again. It shows you a new link and a new code.',
  },
  connect_unavailable: (about: string) => ({
    title: `${about} isn’t responding`,
    what: 'We couldn’t reach the server or its sign-in provider. Nothing was connected.',
    next: 'Try again in a few minutes.',
  }),
  connect_unsupported: (about: string) => ({
    title: `${about} can’t be connected`,
    what: 'We don’t support the way that this server handles sign-in.',
    next: CONTACT_ADMINISTRATOR,
  }),
  connect_denied: (about: string) => ({
    title: `${about} wasn’t connected`,
    what: 'Its sign-in provider answered that access was denied, by a person or by its own rules.',
    next: 'You can try again. If you didn’t deny access yourself, contact your administrator.',
  }),
  connect_refused: (about: string) => ({
    title: `${about} wasn’t connected`,
    what: 'Its sign-in provider refused our request. This isn’t because of anything that you did.',
    next: 'Try again. If the problem continues, contact your administrator.',
  }),
  connect_answer_invalid: (about: string) => ({
    title: `${about} wasn’t connected`,
    what: 'The server’s answer can’t be trusted, or it has expired.',
    next: 'Try again. If the problem continues, contact your administrator.',
  }),
};
