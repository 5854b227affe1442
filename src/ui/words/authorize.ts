/* What people read when an app's authorization request is not right. */

export const authorizeWords = {
  returnTo: (host: string) => `Return to ${host}`,
  returnToComputer: (host: string) => `Return to the app on this computer (${host})`,
};

export const authorizeProblems = {
  request_invalid: (about: string) => ({
    title: 'The app’s request can’t be used',
    what: `Nothing was allowed. What is wrong with the link that brought you here: ${about}.`,
    next: 'If you didn’t start this yourself, close the page. Otherwise return to the app, which then learns what is wrong, and tell whoever makes it, with the id below.',
  }),
};
