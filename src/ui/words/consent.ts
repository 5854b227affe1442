import { deviceConsent } from './device';
import { day } from './locale';
import { say } from './sentence';

function tools(count: number): string {
  return count === 1 ? '1 tool' : `${count} tools`;
}

/** The consent page. */
export const consentWords = {
  title: (client: string, name: string) => say`${client} wants to use ${name}’s tools as you`,
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
  loopbackTitle: 'An app on this computer wants access.',
  loopback: (client: string) =>
    say`Any program on this computer can call itself ${client}. Allow it only if you just started it yourself.`,
  unverifiedTitle: 'The name of this app isn’t verified.',
  unverified: (client: string, host: string) =>
    say`Any app can call itself ${client}. Allow it only if you trust ${host}, which gets the access.`,
  scopes: 'What can it do?',
  scope: {
    'mcp:read': { name: 'Read', text: 'View and search. No changes.' },
    'mcp:write': { name: 'Change', text: 'Add and edit. Includes read.' },
    'mcp:destructive': {
      name: 'Delete',
      text: 'Delete or overwrite permanently. Includes read and change.',
    },
  },
  notAsked: 'not requested',
  destructiveAsked: (client: string) =>
    say`${client} requested this. If you don’t select it, nothing can be deleted or overwritten, and everything else works.`,
  ownTools: (count: number, name: string) => say`${tools(count)} built into ${name}`,
  servers: 'On which servers?',
  kinds: { read: 'read', write: 'change', destructive: 'delete' },
  noTools: 'No tools yet',
  moreTools: (count: number) => `and ${count} more`,
  duration: 'For how long?',
  expires: 'Access ends on',
  expiresHint: (max: string) => `No later than ${day(max)}, at the end of the day (UTC).`,
  whoami: 'Who am I?',
  decisionMissing: 'Choose Allow or Cancel.',
  scopeMissing: 'Select at least one thing that the app can do, or choose Cancel.',
  serverMissing: 'Select the server, or choose Cancel. This request is for that server only.',
  expiresInvalid: 'Choose a date from today to the latest one shown.',
  deny: 'Cancel',
  allow: 'Allow',
  promise: (client: string) => say`${client} gets only what you select here, and never your password.`,
};
