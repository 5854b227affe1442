import { say } from './sentence';

const locale = 'en';

const longDate = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' });

/** `2027-11-17` as people write it. */
function day(date: string): string {
  const time = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(time) ? date : longDate.format(time);
}

function tools(count: number): string {
  return count === 1 ? '1 tool' : `${count} tools`;
}

/** Every word that a person reads on a page: to translate the pages, translate this file and nothing else. */
export const words = {
  lang: locale,
  dir: 'ltr' as 'ltr' | 'rtl',

  footer: { policy: 'Privacy', terms: 'Terms', support: 'Help' },

  problem: { next: 'What to do', requestId: 'If you ask for help, pass this on:' },

  signIn: {
    title: (name: string) => say`Sign in to ${name}`,
    waiting: (client: string) => say`${client} is waiting for you to sign in.`,
    provider: (title: string) => say`Continue with ${title}`,
    or: 'or',
    name: 'Your name',
    more: 'More',
    email: 'Email address',
    groups: 'Groups',
    groupsHint: 'Separated by commas',
    submit: 'Sign in',
    localTitle: 'For development on this computer only.',
    local: 'Any name gets in, without a password.',
    nameMissing: 'Please type a name of at most 100 characters.',
    again: 'Try again',
    signedIn: (name: string) => say`You are signed in as ${name}`,
    signOut: 'Sign out',
    signOutText: 'Signing out of this browser leaves the apps that you allowed connected.',
    signedOut: 'You are signed out',
    signedOutText: 'Nobody is signed in at this browser. The apps that you allowed stay connected.',
    none: 'There is no way to sign in here yet. Ask whoever runs this page to set one up.',
  },

  consent: {
    title: (client: string, name: string) => say`${client} wants to use ${name}'s tools as you`,
    app: 'App',
    verified: 'verified',
    notVerified: 'not verified',
    goesTo: 'Access goes to',
    thisComputer: (host: string) => say`this computer (${host})`,
    you: 'You',
    emailNotVerified: 'not verified',
    signedInWith: (method: string) => say`signed in with ${method}`,
    switchAccount: 'Use another account',
    loopbackTitle: 'An app on this computer is asking.',
    loopback: (client: string) =>
      say`Any program here can call itself ${client}. Allow it only if you have just started it yourself.`,
    unverifiedTitle: 'Nobody vouches for this name.',
    unverified: (client: string, host: string) =>
      say`Anyone can call an app ${client}. Allow it only if you know why access goes to ${host}.`,
    scopes: 'What may it do?',
    scope: {
      'mcp:read': { name: 'Read', text: 'See and search. Nothing is altered.' },
      'mcp:write': { name: 'Change', text: 'Add and edit. Includes read.' },
      'mcp:destructive': {
        name: 'Delete',
        text: 'Delete or overwrite, for good. Includes read and change.',
      },
    },
    notAsked: 'not asked for',
    destructiveAsked: (client: string) =>
      say`${client} asks for this. Unticked, all that deletes or overwrites stays refused, and the rest works.`,
    ownTools: (count: number, name: string) => say`${tools(count)} of ${name} itself`,
    servers: 'Where?',
    kinds: { read: 'read', write: 'change', destructive: 'delete' },
    noTools: 'No tools yet',
    moreTools: (count: number) => `and ${count} more`,
    duration: 'For how long?',
    expires: 'Until the end of',
    expiresHint: (max: string) => `At most until ${day(max)} (UTC).`,
    whoami: 'Who am I?',
    decisionMissing: 'Choose Allow or Cancel.',
    scopeMissing: 'Tick at least one thing that the app may do, or choose Cancel.',
    serverMissing: 'Tick the server, or choose Cancel: there is nothing else in this request.',
    expiresInvalid: 'Choose a day from today on, within the time that is offered.',
    deny: 'Cancel',
    allow: 'Allow',
    promise: (client: string) => say`${client} gets what is ticked here, and never your password.`,
  },

  connect: {
    title: (name: string) => say`Connect your AI app to ${name}'s tools`,
    lead: 'Give your app this address. It sends you here to sign in, and you choose what it may do.',
    url: 'Address',
    pick: 'One click selects it all.',
    clients: 'Step by step',
    oneClick: (client: string) => `Add to ${client}`,
    orByHand: 'Or by hand:',
    hint: (origin: string, url: string) =>
      say`An app that takes only a host name is given ${origin}: it leads to the same place as ${url}.`,
    steps: {
      claude: {
        name: 'Claude',
        steps: [
          'On the web or desktop, open Settings, then Connectors. (On Team and Enterprise plans an owner does this once, in the organization’s settings.)',
          'Choose “Add custom connector”, paste the address above and choose Add.',
          'Choose Connect and sign in. It then works on your phone too.',
        ],
      },
      claudeCode: {
        name: 'Claude Code',
        steps: ['In a terminal:', 'Start claude, type /mcp, pick the server and choose Authenticate.'],
      },
      chatgpt: {
        name: 'ChatGPT',
        steps: [
          'On the web, open Settings, then Apps (or Connectors), then Advanced, and turn on Developer mode. (In a workspace an admin allows it first.)',
          'Back under Apps, choose Create. Give it a name, paste the address above as MCP server URL, and choose OAuth.',
          'Choose Create and sign in.',
        ],
      },
      cursor: {
        name: 'Cursor',
        steps: [
          'Put this into ~/.cursor/mcp.json, or into .cursor/mcp.json of a project:',
          'Open Settings, then MCP, and choose Connect beside the server.',
        ],
      },
      vscode: {
        name: 'VS Code',
        steps: [
          'Put this into .vscode/mcp.json of a project (or run “MCP: Add Server” and paste the address):',
          'Choose Start above the entry, and allow the sign-in.',
        ],
      },
      inspector: {
        name: 'MCP Inspector',
        steps: ['In a terminal:', 'In the page that opens, choose Connect.'],
      },
      remote: {
        name: 'Any other app, by mcp-remote',
        steps: [
          'For an app that only starts local (stdio) servers, put this into its MCP settings:',
          'To try it in a terminal:',
        ],
      },
    },
  },
};
