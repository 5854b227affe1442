import { say } from './sentence';

const TELL_OPERATOR = 'This is not yours to mend. Tell whoever runs this page.';

/** The words of connecting one's own account on a server behind: pages, and what a tool call is told. */
export const connectionWords = {
  title: (server: string) => say`Connect your ${server} account`,
  oauth: (name: string, server: string) =>
    say`You go to ${server}, sign in there and allow ${name} to act for you. Then you come back here.`,
  apiKey: (name: string, server: string) =>
    say`${name} uses this key when you work with ${server}, and for nobody else. It is kept encrypted.`,
  you: 'You',
  status: 'Now',
  statuses: {
    connected: 'connected',
    needs_reauthorization: 'needs to be connected again',
    not_connected: 'not connected',
    pending: 'waiting for you at the service',
    orphaned: 'the server is gone',
  },
  /** Why one needs to be connected again, where that is worth a word. */
  reasons: {
    vault_unreadable: 'can’t be opened any more: connect again',
    server_moved: 'the server has moved: connect again',
  },
  connect: 'Connect',
  reconnect: 'Connect again',
  otherKey: 'Use another key',
  disconnect: 'Disconnect',
  remove: 'Remove',
  key: (server: string) => say`Your ${server} key`,
  submitOauth: (server: string) => say`Continue to ${server}`,
  submitKey: 'Connect',
  submitted: 'It is tried once before it is kept.',
  keyMalformed: 'That is no key: it has a line break or characters that no key has. Paste it again.',
  keyRefused: 'The service refuses this key. Check that it is whole and still valid.',
  serverUnreachable: 'The service could not be asked whether the key is right. Try again in a minute.',
  done: (server: string) => say`${server} is connected`,
  doneText: 'You can close this page. Go back to your app and ask it to try again.',
  again: 'Try again',
  switchAccount: 'Use another account',

  /** Where the link of a visitor's app is opened in another browser than the visitor's. */
  code: {
    title: 'Type the code of your app',
    lead: (server: string) =>
      say`You use ${server} in an app without having signed in here. The app shows a code beside its link.`,
    field: 'Code',
    submit: 'Continue',
    warningTitle: 'Only if the app is yours.',
    warning: (server: string) =>
      say`Whoever uses it can then use ${server} with the account that you connect. If somebody sent you this link, close the page.`,
    wrong: 'That is not the code. Look at your app again: each link has a code of its own.',
    visitor: 'Who uses the app',
    /** What a tool call is told, with the code of its link, if that has one. */
    told: (text: string, code: string | undefined) =>
      code === undefined ? text : `${text} If the page asks for a code, it is ${code}.`,
  },

  /** The tool that stands for a server until it is connected; agents read its description. */
  tool: {
    title: (server: string) => `Connect ${server}`,
    describe: (server: string, about: string | undefined) =>
      `Gives the link at which the user connects their own ${server} account. ` +
      `${about ? `${server}: ${about} ` : ''}Until that is done this is the only tool of ${server}; ` +
      'afterwards all of its tools are listed in its place. Use it when the user asks for something there.',
    elicit: (server: string) => `Connect your ${server} account to go on.`,
    done: (server: string) => `${server} is connected. Its own tools are listed now.`,
  },

  /** What a call of a tool is told; an app shows it to its user. */
  told: {
    not_connected: (server: string, link: string) =>
      `To use “${server}”, connect your own account there first: open ${link} in your browser, then try again.`,
    needs_reauthorization: (server: string, link: string) =>
      `The connection to your account at “${server}” has ended. Open ${link} in your browser to connect again, then try again.`,
    vault_unreadable: (server: string, link: string) =>
      `The stored connection to “${server}” can’t be opened any more (its encryption key is gone). Open ${link} in your browser to connect again; that replaces it.`,
    provider_unavailable: (server: string, seconds: number) =>
      `The sign-in service of “${server}” doesn’t answer now. Your connection is kept; try again in ${seconds} seconds.`,
  },
};

/** The step after consent: the services that the app was allowed, and how the person's accounts there stand. */
export const serviceWords = {
  title: 'Connect your accounts',
  lead: (client: string) =>
    say`You allowed ${client} to use these as you. Each wants an account of yours: connect what you need now.`,
  titleDone: 'Everything is connected',
  leadDone: (client: string) => say`${client} can use these as you. Finish, and you are back in it.`,
  more: (count: number) => (count === 1 ? 'and 1 more' : `and ${count} more`),
  decisionMissing: 'Connect one of these, or choose Finish or Skip for now.',
  skip: 'Skip for now',
  finish: 'Finish',
  later: 'What you skip can be connected later: your app shows you a link when it needs it.',
  change: 'Change what you allowed',
};

/** `/account` and the pages below it. */
export const accountWords = {
  title: 'Your account',
  sections: {
    connections: { name: 'Connections', text: 'Your own accounts at the services behind.' },
    keys: { name: 'Access keys', text: 'For scripts, and for apps that can’t sign in.' },
  },
  connections: 'Your connections',
  connectionsLead: 'Each service wants an account of yours. Apps use it for you and for nobody else.',
  noConnections: 'No service here wants an account of yours.',
  more: (count: number) => (count === 1 ? '1 more' : `${count} more`),
};

/** Error pages of connecting; `about` is the server's title. */
export const connectionProblems = {
  connect_other_person: (about: string) => ({
    title: 'This link is for somebody else',
    what: `It connects ${about} for the person who asked for it, who is not signed in here now. Nothing was connected.`,
    next: 'If it is yours, sign in with the account that you gave your app access with. Else close the page.',
  }),
  connect_link_unknown: {
    title: 'This link doesn’t work',
    what: 'It is not one that we made, or not all of it was copied.',
    next: 'Ask your app to try again: it shows you a new one.',
  },
  connect_link_expired: {
    title: 'This link is too old',
    what: 'A link to connect an account works for an hour.',
    next: 'Ask your app to try again: it shows you a new one.',
  },
  connect_code_guesses: {
    title: 'Too many wrong codes',
    what: 'None of the codes was the one of this link. Nothing was connected.',
    next: 'Ask your app to try again: it shows you a new link with its code.',
  },
  connect_unavailable: (about: string) => ({
    title: `${about} doesn’t answer`,
    what: 'The service, or the place where you sign in to it, could not be reached. Nothing was connected.',
    next: 'Try again in a few minutes.',
  }),
  connect_unsupported: (about: string) => ({
    title: `${about} can’t be connected`,
    what: 'What the service says of how to sign in to it can’t be used here.',
    next: TELL_OPERATOR,
  }),
  connect_denied: (about: string) => ({
    title: `${about} was not connected`,
    what: 'The service did not give access, or you cancelled there.',
    next: 'Try again if that is not what you wanted.',
  }),
  connect_answer_invalid: (about: string) => ({
    title: `${about} was not connected`,
    what: 'The answer of the service is not one that we can trust, or it has expired.',
    next: 'Try again. If it stays so, tell whoever runs this page.',
  }),
};
