import { say } from './sentence';

/* Access keys, and people who skip sign-in. */

export const visitorWords = {
  /** A person who skipped sign-in, marked wherever the name goes: pages, tokens, the log. */
  named: (label: string) => `${label} (visitor, not verified)`,
  unnamed: 'Visitor (not verified)',
  signIn: 'Sign in',
  title: (user: string) => say`Keep what you set up as a visitor, ${user}?`,
  lead: (visitor: string) => say`This browser was used without signing in, as ${visitor}.`,
  apps: 'Allowed apps',
  connections: 'Connected accounts',
  cautionTitle: 'Keep it only if that was you.',
  caution:
    'What you keep moves to your account, and its apps act as you from then on. What you don’t keep stays with the visitor.',
  leave: 'Don’t keep',
  take: 'Keep it',
};

export const keyWords = {
  title: 'Access keys',
  lead: 'For scripts, and for apps that can’t sign in. A key acts as you, so protect it like a password.',
  made: (name: string) => say`Your new key: ${name}`,
  copy: 'Copy it now. You won’t be able to see it again.',
  copyHint: 'One click selects it all.',
  use: 'Send it with every request, in either of these headers:',
  back: 'Done',
  none: 'You have no keys yet.',
  created: (day: string) => `created on ${day}`,
  used: (day: string) => `last used on ${day}`,
  unused: 'never used',
  ends: (day: string) => `expires on ${day}`,
  ended: (day: string) => `expired on ${day}`,
  noServers: 'no servers',
  revoke: 'Revoke',
  revokeNamed: (name: string) => `Revoke ${name}`,
  more: (count: number) => (count === 1 ? '1 older key' : `${count} older keys`),
  make: 'Create a key',
  name: 'What is it for?',
  nameHint: 'A name that you’ll recognize, such as “nightly report”.',
  expires: 'Expires on',
  submit: 'Create key',
  problems: {
    name_missing: 'Give the key a name of up to 100 characters.',
    scope_missing: 'Select at least one thing that the key can do.',
    scope_beyond_role: 'A key can’t do more than you can.',
    server_unknown: 'You can’t use one of the servers that you selected.',
    expires_invalid: 'Choose a date from today to the latest one allowed.',
    keys_too_many: 'You have 100 keys, which is the limit. Revoke one that you don’t need.',
    key_made:
      'This key was already created and is shown only once. If you didn’t copy it, revoke it and create another one.',
    keys_too_fast: 'You created many keys at once. Wait half a minute, then try again.',
  },
};

/** The tool of a client that can't sign in by itself; agents read it. */
export const authorizeToolWords = {
  title: 'Sign in',
  description:
    'Returns the link where the user signs in and chooses what this app can do. Until then, this is the only ' +
    'tool; afterward, all other tools are listed instead. Show the user the link and the code.',
  answer: (link: string, code: string) =>
    `Open ${link} in your browser and sign in. The page shows the code ${code}; continue only if it’s the same. ` +
    'When you have allowed what this app can do, its tools appear here.',
};
