/** What a person sees of their own: apps, browsers, activity. */
export const ownWords = {
  apps: {
    title: 'Your apps',
    lead: 'These apps can act for you.',
    none: 'You haven’t allowed any app.',
    used: (day: string) => `last used on ${day}`,
    unused: 'never used',
    ends: (day: string) => `access ends on ${day}`,
    revoke: 'Revoke',
    revokeNamed: (name: string) => `Revoke ${name}`,
    confirm: (name: string) => `Revoke ${name}?`,
    confirmText: 'It loses access at once. You can allow it again when it asks.',
    done: 'The app has lost access.',
  },
  browsers: {
    title: 'Your browsers',
    lead: 'You’re signed in here. Apps that you allowed are not affected by this.',
    current: 'this browser',
    unknown: 'Unknown browser',
    since: (day: string) => `signed in on ${day}`,
    used: (day: string) => `last used on ${day}`,
    end: 'Sign out',
    endNamed: (name: string) => `Sign out ${name}`,
    confirm: 'Sign this browser out?',
    done: 'The browser is signed out.',
  },
  activity: {
    title: 'Your activity',
    lead: 'What you and your apps did here.',
  },
  back: 'Cancel',
};
