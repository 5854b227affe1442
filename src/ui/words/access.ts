import { say } from './sentence';

/* The words of `words.ts` about access keys and visitors: part of what a translation changes. */

export const visitorWords = {
  /** Who skipped sign-in, marked wherever the name goes: pages, tokens, the log. */
  named: (label: string) => `${label} (visitor, not verified)`,
  unnamed: 'Visitor (not verified)',
  signIn: 'Sign in',
  title: (user: string) => say`Take along what you allowed as a visitor, ${user}?`,
  lead: (visitor: string) => say`This browser was used without signing in, as ${visitor}.`,
  apps: 'Apps that were allowed',
  connections: 'Accounts that were connected',
  cautionTitle: 'Only if that was you.',
  caution:
    'What you take along acts as you from then on, and stays connected. What you leave stays the visitor’s.',
  leave: 'Leave it',
  take: 'Take it along',
};

export const keyWords = {
  title: 'Access keys',
  lead: 'For scripts and for apps that can’t sign in. A key acts as you: keep it like a password.',
  made: (name: string) => say`Your new key, ${name}`,
  copy: 'Copy it now: it is shown this once, and kept nowhere.',
  copyHint: 'One click selects it all.',
  use: 'Send it with every request, one way or the other:',
  back: 'Done',
  none: 'There is no key yet.',
  created: (day: string) => `made on ${day}`,
  used: (day: string) => `last used on ${day}`,
  unused: 'never used',
  ends: (day: string) => `until ${day}`,
  ended: (day: string) => `expired on ${day}`,
  noServers: 'no server',
  revoke: 'Revoke',
  revokeNamed: (name: string) => `Revoke ${name}`,
  more: (count: number) => `${count} older ones`,
  make: 'Make a key',
  name: 'What is it for?',
  nameHint: 'So that you know it again, such as “nightly report”.',
  expires: 'Until the end of',
  submit: 'Make the key',
  problems: {
    name_missing: 'Please give the key a name of at most 100 characters.',
    scope_missing: 'Tick at least one thing that the key may do.',
    scope_beyond_role: 'That is more than you may do yourself.',
    server_unknown: 'There is a server among them that you may not use.',
    expires_invalid: 'Choose a day from today on, within the time that is offered.',
    keys_too_many: 'You have 100 keys, which is the most. Revoke one that you don’t need.',
    key_made:
      'This key was made already, and is shown only once. If you have not copied it, revoke it and make another.',
    keys_too_fast: 'That were many keys at once. Wait half a minute.',
  },
};

/** The tool of a client that can't sign in by itself; agents read it. */
export const authorizeToolWords = {
  title: 'Sign in',
  description:
    'Gives the link at which the user signs in and chooses what this app may do. Until then this is the only ' +
    'tool; afterwards all others are listed in its place. Show the user the link and the code.',
  answer: (link: string, code: string) =>
    `Open ${link} in your browser and sign in. The page asks for the code ${code}: go on only if it shows the same. ` +
    'When you have allowed what this app may do, its tools appear here.',
};
