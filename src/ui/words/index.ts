import { authorizeToolWords, keyWords, visitorWords } from './access';
import { authorizeProblems, authorizeWords } from './authorize';
import { accountWords, connectionProblems, connectionWords, serviceWords } from './connections';
import { device, deviceConsent } from './device';
import { limitProblems } from './limits';
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

const START_AGAIN = 'Go back to your app and connect again.';
const TELL_MAKER = 'This is the app’s mistake, not yours. Tell whoever makes the app, with the id below.';
const TRY_AGAIN = 'Try again. If it stays so, tell whoever runs this page, with the id below.';

/** Every word that a person reads on a page, in one place: translate this file and nothing else. */
export const words = {
  authorizeTool: authorizeToolWords,
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
    key: 'Access key',
    keySubmit: 'Sign in with the key',
    keyHint: 'You are signed in as the key’s owner, with no more than the key allows, and until it ends.',
    keyRefused: 'That is no key that works here: unknown, revoked, or not typed in full.',
    keyExpired: 'That key has expired. Make a new one.',
    skip: 'Continue without signing in',
    skipHint: 'You are a visitor, known by this browser alone. You can sign in later.',
    labelMore: 'Say who you are',
    label: 'What to call you',
    labelHint: 'Shown as not verified, wherever it is shown.',
    none: 'There is no way to sign in here yet. Ask whoever runs this page to set one up.',
  },

  visitor: visitorWords,
  keys: keyWords,

  consent: {
    title: (client: string, name: string) => say`${client} wants to use ${name}'s tools as you`,
    app: 'App',
    verified: 'verified',
    notVerified: 'not verified',
    goesTo: 'Access goes to',
    thisComputer: (host: string) => say`this computer (${host})`,
    you: 'You',
    ...deviceConsent,
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

  authorize: authorizeWords,
  device,

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

  connection: connectionWords,
  services: serviceWords,
  account: accountWords,

  /** What each error page says, by its tag; a function where it names something. */
  problems: {
    client_id_missing: {
      title: 'The app didn’t say who it is',
      what: 'The link that brought you here lacks the app’s id (client_id).',
      next: `${TELL_MAKER} If you copied the link, copy all of it.`,
    },
    client_unknown: {
      title: 'We don’t know this app',
      what: 'It is not registered here, or its registration has expired.',
      next: 'Remove the connection in your app and add it again, so that it registers anew.',
    },
    client_document_unreachable: (about: string) => ({
      title: 'We couldn’t check who this app is',
      what: `Its description could not be fetched from ${about}.`,
      next: 'Try again in a few minutes. If it stays so, tell whoever makes the app, with the id below.',
    }),
    client_document_invalid: (about: string) => ({
      title: 'This app’s description is not right',
      what: `What ${about} says about the app can’t be used.`,
      next: TELL_MAKER,
    }),
    redirect_uri_missing: {
      title: 'The app didn’t say where to return',
      what: 'The link that brought you here lacks the address to return to (redirect_uri).',
      next: `${TELL_MAKER} If you copied the link, copy all of it.`,
    },
    redirect_uri_mismatch: {
      title: 'The return address is not this app’s',
      what: 'The link that brought you here would send access to an address that the app did not register, so it stops here.',
      next: 'If you didn’t start this yourself, close the page. Else remove the connection in your app and add it again.',
    },
    parameter_repeated: (about: string) => ({
      title: 'The app’s request is ambiguous',
      what: `The link that brought you here says ${about} more than once.`,
      next: TELL_MAKER,
    }),
    request_too_large: {
      title: 'The app’s request is too long',
      what: 'The link that brought you here is longer than any real one.',
      next: TELL_MAKER,
    },
    flow_unknown: {
      title: 'There is nothing under way here',
      what: 'This address belongs to no sign-in of ours.',
      next: START_AGAIN,
    },
    flow_expired: {
      title: 'This took too long',
      what: 'To keep you safe, a request like this ends after a few minutes.',
      next: `${START_AGAIN} It takes less than a minute.`,
    },
    flow_other_browser: {
      title: 'This was started in another browser',
      what: 'A sign-in can only be finished in the browser it was started in. Nothing was allowed.',
      next: 'If somebody sent you this link, close the page. Else connect again, in this browser.',
    },
    flow_submitted: {
      title: 'You have already answered this',
      what: 'This request was answered before, perhaps in another tab.',
      next: 'Look into your app: it may be connected. If not, connect again.',
    },
    form_unreadable: {
      title: 'We couldn’t read that form',
      what: 'What your browser sent is not the form of this page.',
      next: 'Go back, reload the page and try again.',
    },
    form_forged: {
      title: 'That form wasn’t ours',
      what: 'It came from another site, or the page was open while you signed out, or in as somebody else. Nothing was changed.',
      next: 'Go back, reload the page and try again.',
    },
    method_refused: {
      title: 'You can’t sign in that way here',
      what: 'That way to sign in is not offered.',
      next: 'Go back and choose one of those on the page.',
    },
    provider_unreachable: (about: string) => ({
      title: 'The sign-in service doesn’t answer',
      what: `We couldn’t reach ${about}.`,
      next: 'Try again in a few minutes.',
    }),
    provider_refused: (about: string) => ({
      title: 'The sign-in wasn’t finished',
      what: `${about} did not let you in, or you cancelled.`,
      next: 'Try again, or choose another way to sign in.',
    }),
    provider_answer_invalid: (about: string) => ({
      title: 'The sign-in couldn’t be verified',
      what: `The answer from ${about} is not one that we can trust, so nobody was signed in.`,
      next: TRY_AGAIN,
    }),
    sso_required: (about: string) => ({
      title: 'Please sign in with your organization',
      what: `Addresses like yours come in by ${about} only.`,
      next: `Go back and continue with ${about}.`,
    }),
    no_access: (about: string) => ({
      title: 'You have no access here yet',
      what: `You are signed in as ${about}, and that account was given no role.`,
      next: 'Ask whoever runs this page for access, or use another account.',
    }),
    ...authorizeProblems,
    ...connectionProblems,
    keys_not_here: {
      title: 'Keys are not made here',
      what: 'Only people who signed in themselves have access keys: not visitors, and nobody who signed in by a key.',
      next: 'Sign in as yourself. Who is signed in by a key signs out first.',
    },
    ...limitProblems,
    not_found: {
      title: 'There is no such page',
      what: 'The address leads nowhere.',
      next: 'The way to connect an app is described on the first page.',
    },
    host_not_ours: (about: string) => ({
      title: 'This isn’t the address of this gate',
      what: `It answers at ${about} only.`,
      next: `Open ${about} instead.`,
    }),
    settings_unusable: (about: string) => ({
      title: 'This gate isn’t set up yet',
      what: about,
      next: 'Whoever runs it finds each setting, and what to write, at /health.',
    }),
    internal_error: {
      title: 'Something went wrong on our side',
      what: 'Your request could not be finished, and nothing was allowed.',
      next: TRY_AGAIN,
    },
  },
};
